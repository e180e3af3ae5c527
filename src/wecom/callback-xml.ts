import { hash } from "node:crypto";
import { YingdaError } from "../base/errors.ts";
import { parseXml, type XmlElement } from "./xml-tree.ts";

/** What a member sent to the self-built app (wecom-protocol 2.2). Media ids live 3 days. */
export type AppContent =
  | { type: "text"; text: string }
  | { type: "image"; mediaId: string; picUrl: string }
  | { type: "voice"; mediaId: string; format: string }
  | { type: "video"; mediaId: string; thumbMediaId: string }
  | { type: "location"; latitude: number; longitude: number; label: string }
  | { type: "link"; title: string; description: string; url: string };

export interface SelectedItem {
  questionKey: string;
  optionIds: string[];
}

/** A click on a template card (wecom-protocol 7.6). Everything in it is untrusted but the sender (7.8). */
export interface AppCardClick {
  taskId: string;
  cardType: string;
  /** For update_template_card: 72 h, once. A secret: do not log. */
  responseCode: string;
  /** Empty for a plain button and for the corner menu. */
  selectedItems: SelectedItem[];
}

export interface AppMessage {
  kind: "message";
  /** A 64-bit number, always kept as text: it exceeds 2^53. The key for deduplication (2.1). */
  msgId: string;
  /** As received; WeCom treats userids without regard to case. */
  fromUserId: string;
  agentId: string;
  toCorpId: string;
  createTimeS: number;
  content: AppContent;
}

export interface AppEvent {
  kind: "event";
  /** `enter_agent`, `click`, … (wecom-protocol 2.3), or a name that WeCom came up with later. */
  event: string;
  /** Menu key, URL, page path or button key; empty where the event has none. */
  eventKey: string;
  /** `sys` for events that no member caused. */
  fromUserId: string;
  /** Empty for events about the company instead of the app (`change_contact`). */
  agentId: string;
  createTimeS: number;
  /**
   * Equal for deliveries of the same event, which have no MsgId (2.1): a hash of sender, time, event, key and, so that
   * the same button of two cards in one second stays two clicks, the card's task. 64 hex digits.
   */
  dedupeKey: string;
  card?: AppCardClick;
}

export type AppCallback = AppMessage | AppEvent | { kind: "unknown"; msgType: string };

/**
 * Reads the decrypted, so authenticated, XML of a self-built app's callback.
 * A MsgType that is not in wecom-protocol 2.2 gives `unknown`, an Event that is not in 2.3 an ordinary `event`: both
 * must be answered with 200.
 * @throws YingdaError `malformed_body` when it is not XML or lacks what its type promises.
 */
export function parseAppCallback(xml: string): AppCallback {
  const root = parseXml(xml);
  const fields = new Fields(root);
  const msgType = fields.id("MsgType");
  if (msgType === "event") return readEvent(fields);
  const content = readContent(msgType, fields);
  if (content === undefined) return { kind: "unknown", msgType };
  return {
    kind: "message",
    msgId: fields.id("MsgId"),
    fromUserId: fields.id("FromUserName"),
    agentId: fields.id("AgentID"),
    toCorpId: fields.id("ToUserName"),
    createTimeS: fields.seconds("CreateTime"),
    content,
  };
}

function readContent(msgType: string, fields: Fields): AppContent | undefined {
  switch (msgType) {
    case "text":
      return { type: "text", text: fields.required("Content") };
    case "image":
      return { type: "image", mediaId: fields.id("MediaId"), picUrl: fields.optional("PicUrl") };
    case "voice":
      return { type: "voice", mediaId: fields.id("MediaId"), format: fields.optional("Format") };
    case "video":
      return { type: "video", mediaId: fields.id("MediaId"), thumbMediaId: fields.optional("ThumbMediaId") };
    case "location":
      return {
        type: "location",
        latitude: fields.number("Location_X"),
        longitude: fields.number("Location_Y"),
        label: fields.optional("Label"),
      };
    case "link":
      return {
        type: "link",
        title: fields.optional("Title"),
        description: fields.optional("Description"),
        url: fields.required("Url"),
      };
    default:
      return undefined;
  }
}

function readEvent(fields: Fields): AppEvent {
  const event = fields.id("Event");
  const eventKey = fields.optional("EventKey");
  const fromUserId = fields.id("FromUserName");
  const createTimeS = fields.seconds("CreateTime");
  const card = event === "template_card_event" || event === "template_card_menu_event" ? readCard(fields) : undefined;
  return {
    kind: "event",
    event,
    eventKey,
    fromUserId,
    agentId: fields.optional("AgentID").trim(),
    createTimeS,
    dedupeKey: hash("sha256", JSON.stringify([fromUserId, createTimeS, event, eventKey, card?.taskId ?? ""]), "hex"),
    ...(card === undefined ? {} : { card }),
  };
}

function readCard(fields: Fields): AppCardClick {
  return {
    taskId: fields.id("TaskId"),
    cardType: fields.optional("CardType"),
    responseCode: fields.optional("ResponseCode"),
    selectedItems: fields.children("SelectedItems", "SelectedItem").map((item) => ({
      questionKey: item.required("QuestionKey"),
      optionIds: item.children("OptionIds", "OptionId").map((option) => option.text),
    })),
  };
}

/** Typed looks into one element's children. A name given twice where one value is expected is malformed. */
class Fields {
  readonly #element: XmlElement;

  constructor(element: XmlElement) {
    this.#element = element;
  }

  get text(): string {
    return this.#element.text;
  }

  optional(name: string): string {
    return this.#one(name)?.text ?? "";
  }

  required(name: string): string {
    const element = this.#one(name);
    if (element === undefined) throw malformed(`${name} is missing`);
    return element.text;
  }

  /** A value that names something: not empty, without the white space of pretty-printed XML. */
  id(name: string): string {
    const value = this.required(name).trim();
    if (value === "") throw malformed(`${name} is empty`);
    return value;
  }

  number(name: string): number {
    const value = Number(this.id(name));
    if (!Number.isFinite(value)) throw malformed(`${name} is not a number`);
    return value;
  }

  seconds(name: string): number {
    const value = this.number(name);
    if (!Number.isSafeInteger(value) || value < 0) throw malformed(`${name} is not a time in seconds`);
    return value;
  }

  /** The repeated `name` inside the list element `list`: none, one or many, always an array (7.6). */
  children(list: string, name: string): Fields[] {
    const parent = this.#one(list);
    if (parent === undefined) return [];
    return parent.children.filter((child) => child.name === name).map((child) => new Fields(child));
  }

  #one(name: string): XmlElement | undefined {
    const found = this.#element.children.filter((child) => child.name === name);
    if (found.length > 1) throw malformed(`${name} is given twice`);
    return found[0];
  }
}

function malformed(why: string): YingdaError {
  return new YingdaError("malformed_body", `the decrypted callback is not what WeCom sends: ${why}`);
}
