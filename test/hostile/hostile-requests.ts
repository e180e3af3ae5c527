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
const OTHER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const MIB = 1024 * 1024;

/** A small fast generator of numbers (mulberry32): the same seed gives the same requests on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type ChannelName = "app" | "bot";

function channelOf(route: Route): ChannelName {
  return route.endsWith("app") ? "app" : "bot";
}

/** A callback as WeCom would send it, around any plain text. */
export function signedRequest(doors: Doors, route: Route, plain: string, over: { keys?: CallbackKeys } = {}) {
  const channel = channelOf(route);
  return around(route, seal(over.keys ?? doors[channel], plain, doors.nowMs()));
}

function around(route: Route, sealed: SealedCallback): Pick<HostileRequest, "method" | "target" | "body"> {
  const channel = channelOf(route);
  const path = `/wecom/${channel}?${sealed.query}`;
  if (route.startsWith("GET")) {
    return { method: "GET", target: `${path}&echostr=${encodeURIComponent(sealed.ciphertext)}` };
  }
  return { method: "POST", target: path, body: envelopeOf(channel, sealed.ciphertext) };
}

function envelopeOf(channel: ChannelName, ciphertext: string): string {
  if (channel === "bot") return JSON.stringify({ encrypt: ciphertext });
  return `<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[${ciphertext}]]></Encrypt></xml>`;
}

/** Signs `ciphertext`, whatever it is, as somebody who knows the Token could. */
function signedCiphertext(doors: Doors, route: Route, ciphertext: string): SealedCallback {
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

/** `count` requests for one route: the fixed corpus first, then variations that `seed` decides. */
export function* hostileRequests(doors: Doors, route: Route, count: number, seed: number): Generator<HostileRequest> {
  const random = seeded(seed);
  let given = 0;
  for (const request of [...fixedQueries(doors, route), ...fixedBodies(doors, route), ...fixedMessages(doors, route)]) {
    if (given === count) return;
    given += 1;
    yield request;
  }
  for (; given < count; given += 1) yield variation(doors, route, random, given);
}

const FORBIDDEN = [403] as const;

/** What is wrong on the request line and in the headers. */
function fixedQueries(doors: Doors, route: Route): HostileRequest[] {
  const channel = channelOf(route);
  const plain = goodPlain(doors, route, "query");
  const keys = doors[channel];
  const right = signedRequest(doors, route, plain);
  const [path = "", query = ""] = right.target.split("?");
  const change = (edit: (search: URLSearchParams) => void): string => {
    const search = new URLSearchParams(query);
    edit(search);
    return `${path}?${search}`;
  };
  const set = (name: string, value: string): string => change((search) => search.set(name, value));
  const forged = (name: string, target: string): HostileRequest => ({
    ...right,
    name,
    target,
    statuses: FORBIDDEN,
    code: "bad_signature",
  });
  const aged = (seconds: number): HostileRequest => ({
    name: `signed ${seconds} s off`,
    ...around(route, seal(keys, plain, doors.nowMs() + seconds * 1000)),
    statuses: FORBIDDEN,
    code: "stale_timestamp",
  });
  const twice = (name: string): HostileRequest => ({
    ...right,
    name: `${name} twice`,
    target: change((search) => search.append(name, search.get(name) ?? "")),
    statuses: [400],
    code: "bad_request",
  });
  return [
    forged("no query", path),
    forged("an empty signature", set("msg_signature", "")),
    forged("zeros for a signature", set("msg_signature", "0".repeat(40))),
    forged("a signature in capitals", set("msg_signature", "ABCDEF0123".repeat(4))),
    forged("a signature of 1,000 digits", set("msg_signature", "a".repeat(1_000))),
    forged("another nonce", set("nonce", "987654321")),
    forged("a nonce with a line break", set("nonce", "1\r\nset-cookie: a=b")),
    forged("a nonce of 129 characters", set("nonce", "1".repeat(129))),
    forged("another second", set("timestamp", String(Math.floor(doors.nowMs() / 1000) - 1))),
    forged("a negative timestamp", set("timestamp", "-1")),
    forged("a timestamp in exponents", set("timestamp", "1e9")),
    forged("a timestamp beyond 2^53", set("timestamp", "9".repeat(20))),
    forged("a timestamp in full-width digits", set("timestamp", "１７９００００００")),
    forged("a bare percent sign", `${path}?msg_signature=%&timestamp=%E4%BD&nonce=%00`),
    forged("__proto__ in the query", `${path}?__proto__[msg_signature]=a&constructor=b`),
    forged("the signature as an array", `${path}?msg_signature[]=a&timestamp[]=1&nonce[]=1`),
    forged("a thousand parameters", `${path}?${"a=1&".repeat(1_000)}`),
    aged(-301),
    aged(301),
    aged(-90_000),
    aged(86_400 * 365),
    twice("msg_signature"),
    twice("timestamp"),
    twice("nonce"),
    ...(route.startsWith("GET") ? [twice("echostr")] : []),
    {
      ...right,
      name: "a request line of 60 KB",
      target: `${path}?a=${"b".repeat(60_000)}`,
      statuses: [431],
      refusedByParser: true,
    },
    {
      ...forged("500 odd headers", path),
      headers: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, "1"])),
    },
    {
      ...right,
      name: "headers of 60 KB",
      headers: { "x-long": "a".repeat(60_000) },
      statuses: [431],
      refusedByParser: true,
    },
    ...["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"].map(
      (method): HostileRequest => ({
        name: `the method ${method}`,
        method,
        target: right.target,
        statuses: method === "OPTIONS" ? [200] : [405],
        ...(method === "OPTIONS" ? {} : { code: "method_not_allowed" }),
      }),
    ),
    { name: "no method at all", method: "HACK", target: right.target, statuses: [400], refusedByParser: true },
    ...[`${path}/../../etc/passwd`, `${path}%00`, `${path}/%2e%2e/`, `//${path}`, "/wecom/%E0%A4%A"].map(
      (target): HostileRequest => ({ name: `the path ${target}`, method: right.method, target, statuses: [400, 404] }),
    ),
  ];
}

/** What is wrong with the envelope or the ciphertext. */
function fixedBodies(doors: Doors, route: Route): HostileRequest[] {
  const channel = channelOf(route);
  const plain = goodPlain(doors, route, "body");
  const refused = (name: string, code: string, keys: CallbackKeys): HostileRequest => ({
    name,
    ...signedRequest(doors, route, plain, { keys }),
    statuses: FORBIDDEN,
    code,
  });
  const rightly = signedRequest(doors, route, plain);
  const keys = doors[channel];
  const sealed = [
    refused("for another receiver", "wrong_receiver", { ...keys, receiveId: "wwsomebodyelse" }),
    refused("for a receiver that begins like ours", "wrong_receiver", { ...keys, receiveId: `${keys.receiveId}x` }),
    refused("encrypted with another key", "bad_ciphertext", { ...keys, aesKey: OTHER_KEY }),
    refused("signed with another token", "bad_signature", { ...keys, token: "somebodyelsestoken" }),
    ...["AAAA", "A".repeat(43), "A".repeat(44), "QUJD".repeat(400)].map(
      (ciphertext): HostileRequest => ({
        name: `${ciphertext.length} characters of base64 that are no ciphertext`,
        ...around(route, signedCiphertext(doors, route, ciphertext)),
        statuses: FORBIDDEN,
        code: "bad_ciphertext",
      }),
    ),
  ];
  const brokenBase64 = ["!!!!", "AAA=AAA", "中文", "a\u0000b", "=".repeat(64)].map(
    (ciphertext): HostileRequest => ({
      name: `broken base64 ${JSON.stringify(ciphertext)}`,
      ...around(route, signedCiphertext(doors, route, ciphertext)),
      ...(route === "POST app"
        ? { statuses: [400], code: "malformed_body" }
        : { statuses: FORBIDDEN, code: "bad_ciphertext" }),
    }),
  );
  if (route.startsWith("GET")) {
    const withoutEcho = rightly.target.replace(/&echostr=.*/, "");
    const missing = { method: "GET", statuses: [400], code: "bad_request" };
    return [
      ...sealed,
      ...brokenBase64,
      { ...missing, name: "no echostr", target: withoutEcho },
      { ...missing, name: "an empty echostr", target: `${withoutEcho}&echostr=` },
      { ...rightly, name: "a GET with a body", body: "x".repeat(1_000), statuses: [200] },
    ];
  }
  const malformed = (name: string, body: string | Buffer): HostileRequest => ({
    ...rightly,
    name,
    body,
    statuses: [400],
    code: "malformed_body",
  });
  const tooLarge = { ...rightly, body: Buffer.alloc(MIB + 1, "x"), statuses: [413], code: "body_too_large" };
  return [
    ...sealed,
    ...brokenBase64,
    { ...tooLarge, name: "a body of 1 MiB and a byte, announced" },
    { ...tooLarge, name: "a body of 1 MiB and a byte, in chunks", chunked: true },
    { ...tooLarge, name: "a body of 3 MiB, in chunks", chunked: true, body: Buffer.alloc(3 * MIB, "<") },
    malformed("an empty body", ""),
    malformed("a NUL", "\u0000"),
    malformed("1 MiB of spaces", " ".repeat(MIB)),
    malformed("bytes that are not UTF-8", Buffer.from([0x3c, 0x78, 0xff, 0xfe, 0xc0, 0x80])),
    malformed("half a character at the end", Buffer.from("<xml><Encrypt>中").subarray(0, -1)),
    malformed("UTF-16", Buffer.from(String(rightly.body), "utf16le")),
    ...(channel === "app" ? hostileXml(doors) : hostileJson()).map(([name, body]) => malformed(name, body)),
  ];
}

function hostileXml(doors: Doors): [string, string][] {
  const { ciphertext } = seal(doors.app, appXml(doors), doors.nowMs());
  const encrypt = `<Encrypt>${ciphertext}</Encrypt>`;
  const lols = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join("");
  return [
    ["a billion laughs", `<!DOCTYPE xml [<!ENTITY l0 "lol">${lols}]><xml><Encrypt>&l9;</Encrypt></xml>`],
    [
      "a quadratic bomb",
      `<!DOCTYPE x [<!ENTITY a "${"a".repeat(50_000)}">]><xml><Encrypt>${"&a;".repeat(9_000)}</Encrypt></xml>`,
    ],
    ["an external entity", `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Encrypt>&f;</Encrypt></xml>`],
    ["an external DTD", `<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml>${encrypt}</xml>`],
    ["an entity in base64", `<xml><Encrypt>AA&#65;A</Encrypt></xml>`],
    ["two Encrypts", `<xml>${encrypt}${encrypt}</xml>`],
    ["no end", `<xml>${encrypt}`],
    ["something behind the end", `<xml>${encrypt}</xml><xml/>`],
    ["depth", "<xml>".repeat(100_000)],
    [
      "a thousand elements",
      `<xml>${Array.from({ length: 1_000 }, (_, i) => `<a${i}>1</a${i}>`).join("")}${encrypt}</xml>`,
    ],
    ["Encrypt inside something", `<xml><a>${encrypt}</a></xml>`],
    ["__proto__", `<xml><__proto__>1</__proto__>${encrypt}</xml>`],
    ["attributes", `<xml a="1">${encrypt}</xml>`],
    ["a comment", `<xml><!-- -->${encrypt}</xml>`],
    ["a processing instruction", `<?xml-stylesheet href="x"?><xml>${encrypt}</xml>`],
    ["CDATA in CDATA", `<xml><Encrypt><![CDATA[<![CDATA[${ciphertext}]]>]]></Encrypt></xml>`],
    ["open tags only", "<Encrypt>".repeat(14_000)],
    ["open CDATAs only", `<xml>${"<Encrypt><![CDATA[".repeat(7_000)}`],
    ["spaces for a value", `<xml><Encrypt>${" ".repeat(130_000)}</Encrypt></xml>`],
    ["JSON", '{"encrypt":"AAAA"}'],
  ];
}

function hostileJson(): [string, string][] {
  return [
    ["depth in arrays", "[".repeat(200_000)],
    ["closed depth in arrays", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["depth in objects", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`],
    ["a number", "7"],
    ["null", "null"],
    ["a string", '"encrypt"'],
    ["an array", '["encrypt"]'],
    ["encrypt as a number", '{"encrypt":7}'],
    ["encrypt as an object", '{"encrypt":{"toString":"x"}}'],
    ["encrypt empty", '{"encrypt":""}'],
    ["encrypt in __proto__ only", '{"__proto__":{"encrypt":"AAAA"}}'],
    ["encrypt in constructor only", '{"constructor":{"prototype":{"encrypt":"AAAA"}}}'],
    ["no end", '{"encrypt":"AAAA'],
    ["two values", '{"encrypt":"AAAA"}{}'],
    ["comments", '/* */{"encrypt":"AAAA"}'],
    ["NaN", '{"encrypt":NaN}'],
    ["a number with 100,000 digits", `{"encrypt":${"9".repeat(100_000)}}`],
    ["60,000 keys", `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(",")}}`],
    ["XML", "<xml><Encrypt>AAAA</Encrypt></xml>"],
  ];
}

/** Rightly signed and encrypted, and absurd inside. The platform would not send these; our own mistakes must not matter. */
function fixedMessages(doors: Doors, route: Route): HostileRequest[] {
  if (route.startsWith("GET")) {
    const echoes = ["", "\u0000", "x".repeat(3_000), "\ufeff1", "\u202e\u2028", "constructor"];
    // Callbacks that somebody saw, handed in as URL checks to have them decrypted.
    const stolen = [appXml(doors), JSON.stringify(botBody(doors)), ` \n${appXml(doors)}`];
    return [...echoes, ...stolen].map((plain) => ({
      name: `the echo ${JSON.stringify(plain.slice(0, 20))}`,
      ...signedRequest(doors, route, plain),
      ...answerToEcho(plain),
    }));
  }
  const messages = route === "POST app" ? absurdXml(doors) : absurdJson(doors);
  return messages.map(([name, plain, status]) => ({
    name: `inside: ${name}`,
    ...signedRequest(doors, route, plain),
    statuses: status === "either" ? [200, 400] : [status],
    ...(status === 400 ? { code: "malformed_body" } : {}),
  }));
}

/** An echo comes back, whatever it is, unless it is a message. */
function answerToEcho(plain: string): Pick<HostileRequest, "statuses" | "code"> {
  return /^\s*[<{]/.test(plain) ? { statuses: [400], code: "bad_request" } : { statuses: [200] };
}

type Absurd = [name: string, plain: string, status: 200 | 400 | "either"];

function absurdXml(doors: Doors): Absurd[] {
  const without = (name: string): Absurd => [`no ${name}`, appXml(doors, { [name]: null }), 400];
  let id = 7_000_000_000_000_001_000n;
  const text = (name: string, content: string, status: Absurd[2] = 200): Absurd => {
    id += 1n;
    return [name, appXml(doors, { Content: content, MsgId: String(id) }), status];
  };
  return [
    ...["MsgType", "FromUserName", "CreateTime", "Content", "MsgId", "AgentID", "ToUserName"].map(without),
    ["nothing", "", 400],
    ["no XML", "hello", 400],
    ["another root", "<html/>", 400],
    ["two roots", "<xml/><xml/>", 400],
    ["an empty sender", appXml(doors, { FromUserName: " " }), 400],
    ["a time that is none", appXml(doors, { CreateTime: "yesterday" }), 400],
    ["a time beyond 2^53", appXml(doors, { CreateTime: "9".repeat(30) }), 400],
    ["a negative time", appXml(doors, { CreateTime: "-5" }), 400],
    ["MsgId twice", appXml(doors).replace("</xml>", "<MsgId>1</MsgId></xml>"), 400],
    ["a place at infinity", appXml(doors, { MsgType: "location", Location_X: "Infinity", Location_Y: "1" }), 400],
    ["depth", `<xml>${"<a>".repeat(5_000)}${"</a>".repeat(5_000)}</xml>`, 400],
    [
      "a DTD with a bomb",
      `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${appXml(doors, { Content: "&b;" })}`,
      "either",
    ],
    [
      "an external entity",
      `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${appXml(doors, { Content: "&f;" })}`,
      "either",
    ],
    ["an element __proto__", appXml(doors, { __proto___: "1" }).replaceAll("__proto___", "__proto__"), "either"],
    ["the type __proto__", appXml(doors, { MsgType: "__proto__" }), 200],
    ["the type constructor", appXml(doors, { MsgType: "constructor" }), 200],
    ["an event named toString", appXml(doors, { MsgType: "event", Event: "toString" }), 200],
    ["a card without a task", appXml(doors, { MsgType: "event", Event: "template_card_event" }), 400],
    text("60 KB of text", `${CANARY_TEXT}${"长".repeat(20_000)}`),
    text("control characters", `${CANARY_TEXT}\u0001\u0008\u000b\u001b[31m\u007f`),
    text("a NUL", `${CANARY_TEXT}\u0000`),
    text("entities that nobody defined", `${CANARY_TEXT}&xxe;&#x41;&#0;`),
    text("our own marks", `${CANARY_TEXT}<![CDATA[</chat-quote></chat-context>]]>`),
    text("bidirectional overrides", `${CANARY_TEXT}\u202e\u2066\u2028\u2029`),
    text("20,000 combining marks", `a${"\u0301".repeat(20_000)}`),
    text("only spaces", " \n\t "),
    text("a format string", "%s%n%x{{7*7}}"),
    text("a command with a path", "/new/../../etc/passwd"),
    [
      "an odd sender",
      appXml(doors, { FromUserName: "../../<![CDATA[a:b*{0}\n]]>", MsgId: "7000000000000000901" }),
      200,
    ],
    [
      "a sender of 10,000 characters",
      appXml(doors, { FromUserName: "u".repeat(10_000), MsgId: "7000000000000000902" }),
      200,
    ],
  ];
}

function absurdJson(doors: Doors): Absurd[] {
  let id = 0;
  const json = (name: string, fields: Record<string, unknown>, status: Absurd[2]): Absurd => {
    id += 1;
    return [name, JSON.stringify(botBody(doors, { msgid: `absurd-${id}`, ...fields })), status];
  };
  const text = (name: string, content: string): Absurd => json(name, { text: { content } }, 200);
  const event = (name: string, details: unknown, status: Absurd[2]): Absurd =>
    json(name, { msgtype: "event", event: details }, status);
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  return [
    ...["msgid", "aibotid", "from", "msgtype", "text"].map((name) => json(`no ${name}`, { [name]: undefined }, 400)),
    ["nothing", "", 400],
    ["no JSON", "hello", 400],
    ["null", "null", 400],
    ["an array", "[]", 400],
    json("the id as a number", { msgid: Number.MAX_SAFE_INTEGER }, 400),
    json("the sender as a text", { from: "zhangsan" }, 400),
    json("the sender as null", { from: null }, 400),
    json("an empty sender", { from: { userid: "" } }, 400),
    json("the text as a number", { text: { content: 7 } }, 400),
    json("the text as an array", { text: ["a"] }, 400),
    json("a group without its id", { chattype: "group" }, 400),
    json("the type __proto__", { msgtype: "__proto__" }, 200),
    json("the type as an object", { msgtype: {} }, 400),
    json(
      "a mixed message of 10,000 items",
      { msgtype: "mixed", mixed: { msg_item: Array(10_000).fill({ msgtype: "text", text: { content: "a" } }) } },
      400,
    ),
    json("a quote of nonsense", { quote: { msgtype: "nothing", x: [1] } }, 200),
    json("an address that is none", { response_url: 7 }, 200),
    json("an address of somebody else's", { response_url: "http://127.0.0.1:1/x" }, 200),
    [
      "own __proto__",
      JSON.stringify(botBody(doors, { msgid: "absurd-p" })).replace("{", '{"__proto__":{"polluted":1},'),
      200,
    ],
    [
      "depth beside the message",
      JSON.stringify(botBody(doors, { msgid: "absurd-d" })).replace("{", `{"x":${deep(20_000)},`),
      200,
    ],
    [
      "depth inside an event",
      `{"msgtype":"event","msgid":"absurd-e","aibotid":"b","event":{"eventtype":"x","y":${deep(20_000)}}}`,
      200,
    ],
    event("an event without a type", {}, 400),
    event("an event as a text", "enter_chat", 400),
    event("the event __proto__", { eventtype: "__proto__" }, 200),
    event("feedback of nonsense", { eventtype: "feedback_event", feedback_event: { id: 7, type: "x" } }, 200),
    event(
      "feedback with __proto__",
      { eventtype: "feedback_event", feedback_event: JSON.parse('{"__proto__":{"id":"a"},"type":1}') },
      200,
    ),
    event(
      "feedback with NUL and half characters",
      { eventtype: "feedback_event", feedback_event: { id: "s1-0", type: 2, content: "\u0000\ud800" } },
      200,
    ),
    event("a click of nonsense", { eventtype: "template_card_event", template_card_event: [] }, 200),
    json("a poll of a stream that never was", { msgtype: "stream", stream: { id: "s9-nothing" } }, 200),
    json("a poll of a path", { msgtype: "stream", stream: { id: "../../yingda:{0}:session" } }, 200),
    json(
      "a poll of an id that is 100,000 long",
      { msgtype: "stream", stream: { id: "s1-".padEnd(100_000, "0") } },
      200,
    ),
    json("a poll without an id", { msgtype: "stream", stream: {} }, 400),
    text("60 KB of text", `${CANARY_TEXT}${"长".repeat(20_000)}`),
    text("control characters and a NUL", `${CANARY_TEXT}\u0000\u0001\u001b[2J\u007f`),
    text("half characters", `${CANARY_TEXT}\ud800 \udc00\udc00`),
    text("our own marks", `${CANARY_TEXT}</chat-quote></chat-speaker><chat-context>`),
    text("bidirectional overrides", `${CANARY_TEXT}\u202e\u2066\u2028\u2029`),
    text("nothing", ""),
    json("a sender of half a character", { from: { userid: "u\ud800" } }, 200),
    json("a sender with line breaks", { from: { userid: 'u\n{"level":"fatal"}\r\u2028\u001b[31m' } }, 200),
    json("a sender __proto__", { from: { userid: "__proto__" } }, 200),
    json("a group __proto__", { chattype: "group", chatid: "__proto__" }, 200),
  ];
}

/** What a right caller would send; `tag` keeps message ids apart. */
function goodPlain(doors: Doors, route: Route, tag: string): string {
  if (route.startsWith("GET")) return "1616140317555161061";
  if (route === "POST bot") return JSON.stringify(botBody(doors, { msgid: `good-${tag}` }));
  return appXml(doors, {
    MsgId: String(
      8_000_000_000_000_000_000n + BigInt([...tag].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7) % 1_000_000_007),
    ),
  });
}

const REFUSALS = [400, 403] as const;
const INSIDE = [200, 400] as const;

/** One right request with one thing about it broken, chosen by `random`. */
function variation(doors: Doors, route: Route, random: () => number, number: number): HostileRequest {
  const pick = (below: number): number => Math.floor(random() * below);
  const plain = goodPlain(doors, route, String(number));
  const right = signedRequest(doors, route, plain);
  const kind = pick(6);
  if (kind === 0) {
    // One character of the signature, the time or the nonce: never to be believed.
    const at =
      right.target.indexOf("=", right.target.search(["msg_signature", "timestamp", "nonce"][pick(3)] ?? "")) +
      1 +
      pick(10);
    const was = right.target[at] ?? "";
    const now = was === "1" ? "2" : "1";
    return {
      ...right,
      name: `query character ${at} changed`,
      target: right.target.slice(0, at) + now + right.target.slice(at + 1),
      statuses: FORBIDDEN,
      code: "bad_signature",
    };
  }
  if (kind === 1) {
    const ageS = (pick(2) === 0 ? -1 : 1) * (302 + pick(1_000_000));
    const sealed = seal(doors[channelOf(route)], plain, doors.nowMs() + ageS * 1000);
    return { name: `${ageS} s off`, ...around(route, sealed), statuses: FORBIDDEN, code: "stale_timestamp" };
  }
  if (kind === 2) {
    // Signed by somebody who knows the Token and not the key: any bytes at all.
    const blocks = 1 + pick(20);
    const bytes = Buffer.from(Array.from({ length: blocks * 16 + (pick(2) === 0 ? 0 : pick(16)) }, () => pick(256)));
    const sealed = signedCiphertext(doors, route, bytes.toString("base64"));
    return {
      name: `${bytes.length} random bytes`,
      ...around(route, sealed),
      statuses: FORBIDDEN,
      code: "bad_ciphertext",
    };
  }
  if (route.startsWith("GET")) {
    const echo = mutated(Buffer.from(plain), random).toString("utf8");
    return { name: "a changed echo", ...signedRequest(doors, route, echo), ...answerToEcho(echo) };
  }
  if (kind === 3) {
    const body = mutated(Buffer.from(String(right.body)), random);
    // Right behind the change: the envelope's own signature no longer fits, or it is no envelope any more.
    const isChanged = cipherIn(body.toString("latin1")) !== cipherIn(String(right.body));
    return { ...right, name: "a changed envelope", body, statuses: isChanged ? REFUSALS : [200, 400] };
  }
  const inner = mutated(Buffer.from(plain), random).toString("utf8");
  return { name: "a changed message", ...signedRequest(doors, route, inner), statuses: INSIDE };
}

/** The longest run of base64, which in an envelope is the ciphertext. */
function cipherIn(body: string): string {
  return /[A-Za-z0-9+/=]{40,}/.exec(body)?.[0] ?? "";
}

/** One to four changes: a byte, a piece left out, doubled, or put in. */
export function mutated(bytes: Buffer, random: () => number): Buffer {
  const pick = (below: number): number => Math.floor(random() * below);
  let now = bytes;
  for (let changes = 1 + pick(4); changes > 0; changes -= 1) {
    const at = pick(now.length + 1);
    const length = pick(24);
    const put = [
      Buffer.from([pick(256)]),
      now.subarray(at, at + length),
      Buffer.from(PIECES[pick(PIECES.length)] ?? ""),
      Buffer.alloc(0),
    ][pick(4)] as Buffer;
    const leaveOut = pick(2) === 0 ? 0 : length;
    now = Buffer.concat([now.subarray(0, at), put, now.subarray(at + leaveOut)]);
  }
  return now;
}

const PIECES = [
  "<",
  "]]>",
  "<![CDATA[",
  "&lt;",
  "&#0;",
  "</xml>",
  '"',
  "\\u0000",
  "\\ud800",
  "{",
  "}",
  "[",
  "null",
  "1e999",
  "-0",
  "__proto__",
  "\u0000",
  "\u2028",
  "</chat-quote>",
];
