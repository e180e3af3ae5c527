import type { ShownMedia } from "./platform-types.ts";
import type { PlainMedia } from "./shown-media.ts";
import type { XmlElement } from "./xml.ts";

/** What a member sends in the chat with the app (wecom-protocol 2.2). A file causes no callback there. */
export type AppContent =
  | { type: "text"; text: string }
  | { type: "image" | "voice" | "video"; bytes: Buffer; name?: string }
  | { type: "file"; bytes: Buffer; name: string }
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
  keep: (file: PlainMedia) => { media: ShownMedia; url: string },
): { msgtype: string; elements: XmlElement[]; shown: string; media?: ShownMedia } {
  switch (content.type) {
    case "text":
      return { msgtype: "text", elements: [["Content", content.text]], shown: content.text };
    case "image":
    case "voice":
    case "video": {
      const { media, url } = keep({ type: content.type, bytes: content.bytes, name: content.name ?? content.type });
      const own: Record<typeof content.type, XmlElement> = {
        image: ["PicUrl", url],
        voice: ["Format", formatOf(media)],
        video: ["ThumbMediaId", media.id],
      };
      return {
        msgtype: content.type,
        elements: [own[content.type], ["MediaId", media.id]],
        shown: "",
        media,
      };
    }
    case "file":
      return { msgtype: "file", elements: [], shown: "", media: keep(content).media };
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

/** `amr`, or what the recording is (2.2: the list of values is not known). */
function formatOf({ contentType }: ShownMedia): string {
  return /^audio\/(\w+)/.exec(contentType)?.[1] ?? "amr";
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
