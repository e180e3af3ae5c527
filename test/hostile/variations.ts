import { seal } from "../../simulator/platform-crypto.ts";
import { answerToEcho } from "./corpus/messages.ts";
import {
  around,
  channelOf,
  type Doors,
  goodPlain,
  type HostileRequest,
  type Route,
  signedCiphertext,
  signedRequest,
} from "./requests.ts";

const FORBIDDEN = [403] as const;
const REFUSALS = [400, 403] as const;
const INSIDE = [200, 400] as const;

/** One right request with one thing about it broken, chosen by `random`. */
export function variation(doors: Doors, route: Route, random: () => number, number: number): HostileRequest {
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
    const ageS = (pick(2) === 0 ? -1 : 1) * (330 + pick(1_000_000));
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
function mutated(bytes: Buffer, random: () => number): Buffer {
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
