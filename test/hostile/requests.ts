import { type CallbackKeys, type SealedCallback, seal, sign } from "../../simulator/platform-crypto.ts";

/** The four doors that anybody on the internet can knock at. */
export const ROUTES = ["GET app", "POST app", "GET bot", "POST bot"] as const;
export type Route = (typeof ROUTES)[number];

/** One request and what may come back. */
export interface HostileRequest {
  /** What is wrong with it, for a failing test's message. */
  name: string;
  method: string;
  /** Path and query, as they go on the request line. */
  target: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
  /** Sends the body in chunks, without saying its length. */
  chunked?: boolean;
  /** The statuses that are right for it; 4xx answers carry our JSON, with the code below where it is given. */
  statuses: readonly number[];
  code?: string;
  /** Node's HTTP parser refuses it before our code is asked: no JSON in the answer. */
  refusedByParser?: boolean;
}

export interface Doors {
  app: CallbackKeys;
  bot: CallbackKeys;
  agentId: string;
  botId: string;
  nowMs(): number;
}

/** Stands in every text that is sent, so that an answer which gives one back is noticed. */
export const CANARY_TEXT = "谁都不该再看到这句话";

export type ChannelName = "app" | "bot";

export function channelOf(route: Route): ChannelName {
  return route.endsWith("app") ? "app" : "bot";
}

/** A callback as WeCom would send it, around any plain text. */
export function signedRequest(doors: Doors, route: Route, plain: string, over: { keys?: CallbackKeys } = {}) {
  const channel = channelOf(route);
  return around(route, seal(over.keys ?? doors[channel], plain, doors.nowMs()));
}

export function around(route: Route, sealed: SealedCallback): Pick<HostileRequest, "method" | "target" | "body"> {
  const channel = channelOf(route);
  const path = `/wecom/${channel}?${sealed.query}`;
  if (route.startsWith("GET")) {
    return { method: "GET", target: `${path}&echostr=${encodeURIComponent(sealed.ciphertext)}` };
  }
  return { method: "POST", target: path, body: envelopeOf(channel, sealed.ciphertext) };
}

export function envelopeOf(channel: ChannelName, ciphertext: string): string {
  if (channel === "bot") return JSON.stringify({ encrypt: ciphertext });
  return `<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[${ciphertext}]]></Encrypt></xml>`;
}

/** Signs `ciphertext`, whatever it is, as somebody who knows the Token could. */
export function signedCiphertext(doors: Doors, route: Route, ciphertext: string): SealedCallback {
  const timestamp = String(Math.floor(doors.nowMs() / 1000));
  const nonce = "1234567890";
  const signature = sign(doors[channelOf(route)].token, timestamp, nonce, ciphertext);
  const query = new URLSearchParams({ msg_signature: signature, timestamp, nonce }).toString();
  return { timestamp, nonce, signature, ciphertext, query };
}

/** A right message of a member; `fields` replaces or, with null, leaves out. */
export function appXml(doors: Doors, fields: Record<string, string | null> = {}): string {
  const all: Record<string, string | null> = {
    ToUserName: doors.app.receiveId,
    FromUserName: "zhangsan",
    CreateTime: "1790000000",
    MsgType: "text",
    Content: CANARY_TEXT,
    MsgId: "7000000000000000001",
    AgentID: doors.agentId,
    ...fields,
  };
  const inner = Object.entries(all).map(([name, value]) => (value === null ? "" : `<${name}>${value}</${name}>`));
  return `<xml>${inner.join("")}</xml>`;
}

/** As `appXml`, for the bot; `undefined` leaves a field out. */
export function botBody(doors: Doors, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    msgid: "hostile-1",
    aibotid: doors.botId,
    chattype: "single",
    from: { userid: "zhangsan" },
    msgtype: "text",
    text: { content: CANARY_TEXT },
    ...fields,
  };
}

/** Who writes. So many, that nobody's answers have to wait for WeCom's 30 pushes a minute to one member. */
export const SENDERS = Array.from({ length: 500 }, (_, i) => ({ userId: `sender${i}`, name: `发件人${i}` }));

/** What a right caller would send; `tag` keeps message ids apart. */
export function goodPlain(doors: Doors, route: Route, tag: string): string {
  if (route.startsWith("GET")) return "1616140317555161061";
  const number = [...tag].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 1_000_000_007, 7);
  const { userId } = SENDERS[number % SENDERS.length] ?? { userId: "" };
  if (route === "POST bot") {
    return JSON.stringify(botBody(doors, { msgid: `good-${tag}`, from: { userid: userId } }));
  }
  return appXml(doors, { FromUserName: userId, MsgId: String(8_000_000_000_000_000_000n + BigInt(number)) });
}
