import type { XmlElement } from "./xml.ts";

/** What a member sends in the chat with the app (wecom-protocol 2.2). Files cause no callback there. */
export type AppContent =
  | { type: "text"; text: string }
  | { type: "image" | "voice" | "video"; bytes: Buffer }
  | { type: "location"; latitude: number; longitude: number; label: string }
  | { type: "link"; title: string; description: string; url: string }
  /** A kind of message that WeCom may add one day. */
  | { type: "other"; msgtype: string; elements: XmlElement[] };

/** What a member does (wecom-protocol 2.3). `other` is any event by name, known or not. */
export type AppEvent =
  | { type: "subscribe" | "unsubscribe" | "enter_agent" }
  | { type: "click" | "view"; key: string }
  | { type: "other"; event: string; elements: XmlElement[] };

export function contentElements(
  content: AppContent,
  keep: (type: "image" | "voice" | "video", bytes: Buffer) => { mediaId: string; url: string },
): { msgtype: string; elements: XmlElement[]; shown: string } {
  switch (content.type) {
    case "text":
      return { msgtype: "text", elements: [["Content", content.text]], shown: content.text };
    case "image":
    case "voice":
    case "video": {
      const { mediaId, url } = keep(content.type, content.bytes);
      const own: Record<typeof content.type, XmlElement> = {
        image: ["PicUrl", url],
        voice: ["Format", "amr"],
        video: ["ThumbMediaId", mediaId],
      };
      return {
        msgtype: content.type,
        elements: [own[content.type], ["MediaId", mediaId]],
        shown: `[${content.type}]`,
      };
    }
    case "location":
      return {
        msgtype: "location",
        elements: [
          ["Location_X", content.latitude],
          ["Location_Y", content.longitude],
          ["Scale", 15],
          ["Label", content.label],
          ["AppType", "wxwork"],
        ],
        shown: content.label,
      };
    case "link":
      return {
        msgtype: "link",
        elements: [
          ["Title", content.title],
          ["Description", content.description],
          ["Url", content.url],
          ["PicUrl", ""],
        ],
        shown: `${content.title} ${content.url}`,
      };
    case "other":
      return { msgtype: content.msgtype, elements: content.elements, shown: `[${content.msgtype}]` };
  }
}

export function eventElements(event: AppEvent): XmlElement[] {
  switch (event.type) {
    case "subscribe":
    case "unsubscribe":
      return [["Event", event.type]];
    case "enter_agent":
      return [
        ["Event", event.type],
        ["EventKey", ""],
      ];
    case "click":
    case "view":
      return [
        ["Event", event.type],
        ["EventKey", event.key],
      ];
    case "other":
      return [["Event", event.event], ...event.elements];
  }
}
