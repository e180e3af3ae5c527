import { type CallbackKeys, seal } from "../../../simulator/platform-crypto.ts";
import {
  appXml,
  around,
  channelOf,
  type Doors,
  goodPlain,
  type HostileRequest,
  type Route,
  signedCiphertext,
  signedRequest,
} from "../requests.ts";

const FORBIDDEN = [403] as const;
const OTHER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const MIB = 1024 * 1024;

/** What is wrong with the envelope or the ciphertext. */
export function fixedBodies(doors: Doors, route: Route): HostileRequest[] {
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
