import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { CallbackCrypto, type CallbackQuery, readCallbackQuery, readEchostr } from "../../src/wecom/crypto.ts";

const AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const KEY = Buffer.from(AES_KEY, "base64");
const TOKEN = "testtoken";
const TIMESTAMP = "1700000000";
const NONCE = "nonce123";
const NOW = { nowMs: 1_700_000_000_000, maxAgeMs: 300_000 };
const RANDOM = Buffer.from("0123456789abcdef");

function cryptoFor(receiverId = "", token = TOKEN, aesKey = AES_KEY): CallbackCrypto {
  return new CallbackCrypto({ token: new Secret(token), aesKey: new Secret(aesKey), receiverId });
}

/** The second opinion: the scheme written down from wecom-protocol 1.3 and 1.4 on bare node:crypto. */
function sign(ciphertext: string, token = TOKEN, timestamp = TIMESTAMP, nonce = NONCE): CallbackQuery {
  const parts = [token, timestamp, nonce, ciphertext].sort();
  return { msgSignature: createHash("sha1").update(parts.join("")).digest("hex"), timestamp, nonce };
}

function layout(message: Buffer, receiverId: Buffer, random: Buffer = RANDOM): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([random, length, message, receiverId]);
}

function padded(bytes: Buffer, block: number): Buffer {
  const pad = block - (bytes.length % block);
  return Buffer.concat([bytes, Buffer.alloc(pad, pad)]);
}

function aesEncrypt(plain: Buffer, key = KEY): string {
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]).toString("base64");
}

function aesDecrypt(ciphertext: string, key = KEY): Buffer {
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([decipher.update(ciphertext, "base64"), decipher.final()]);
}

function codeFrom(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return "no error";
}

const VECTORS = [
  {
    name: "B, a short message",
    message: "ok",
    receiverId: "",
    encrypt: "4j/AuRx71kQlxVlzbpsMWFM3FLIlE7+Rr0vpqUk+32s=",
    signature: "dfe579afb083b4335aa1e6324b518244ad687155",
  },
  {
    name: "C, a full block of padding",
    message: "x".repeat(12),
    receiverId: "",
    encrypt: "4j/AuRx71kQlxVlzbpsMWHm682cz6RRSbI+nKwdnnCWiMQcqNVRzRH5V1OVnIPtQ0RBAU6gP+dl/csw25VcjJg==",
    signature: "444a305f223d794ab6f022abf49d01f5504eb27d",
  },
  {
    name: "D, Chinese text",
    message: '{"msgtype":"stream","stream":{"id":"s1","finish":true,"content":"你好"}}',
    receiverId: "",
    encrypt:
      "4j/AuRx71kQlxVlzbpsMWAn3bH+diPwG+hqoRYUnYUskbgbGKS3NCs9Onj8Y1fHmDZzbt6mvX7nLNsE3GG2rZF+neY4JXoT0KiC9js0mRMjbJvlsvU1051N2mVtY/6vP",
    signature: "dbb23d103c422fb53ca2979b56a225d7d015a439",
  },
  {
    name: "E, a corp id as receiver",
    message: "<xml><MsgType>text</MsgType></xml>",
    receiverId: "ww1234567890abcdef",
    encrypt:
      "4j/AuRx71kQlxVlzbpsMWK4Nt8yNtI2SU6rCND6HIVVlJfzaU+F8aQGysSoZJS0Yk348o1OPh5z9m47tBIY8O1CsDqME/hWTgdwlJbyPtL1jGThSJsoe/DZh3WkvrKls",
    signature: "c56c7994dc239941478822cf2a1300ea95413a92",
  },
];

describe("CallbackCrypto and the published vectors", () => {
  test("vector A, WeCom's own sample, opens to its text message", () => {
    const crypto = cryptoFor("wx5823bf96d3bd56c7", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C");
    const query = {
      msgSignature: "477715d11cdb4164915debcba66cb864d751f3e6",
      timestamp: "1409659813",
      nonce: "1372623149",
    };
    const encrypt =
      "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==";
    const xml = crypto.open(query, encrypt, { nowMs: 1_409_659_813_000, maxAgeMs: 300_000 });
    expect(xml).toContain("<Content><![CDATA[hello]]></Content>");
    expect(xml).toContain("<MsgId>4561255354251345929</MsgId>");
  });

  test.each(VECTORS)("vector $name is sealed to the very bytes and opens again", (vector) => {
    const crypto = cryptoFor(vector.receiverId);
    const sealed = crypto.seal(vector.message, { timestamp: TIMESTAMP, nonce: NONCE, random: RANDOM });
    expect(sealed).toEqual({ encrypt: vector.encrypt, signature: vector.signature });
    const query = { msgSignature: vector.signature, timestamp: TIMESTAMP, nonce: NONCE };
    expect(crypto.open(query, vector.encrypt, NOW)).toBe(vector.message);
  });
});

describe("CallbackCrypto.open", () => {
  test("a message that plain node:crypto encrypted opens to the same text, whatever the text and receiver", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom(16, 32), (text, receiverId, block) => {
        const plain = layout(Buffer.from(text), Buffer.from(receiverId), randomBytes(16));
        const ciphertext = aesEncrypt(padded(plain, block));
        expect(cryptoFor(receiverId).open(sign(ciphertext), ciphertext, NOW)).toBe(text);
      }),
    );
  });

  test("what seal writes, plain node:crypto reads: random, length, message, receiver, PKCS#7 of 32", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, receiverId) => {
        const sealed = cryptoFor(receiverId).seal(text, { timestamp: 1700000000, nonce: NONCE });
        const plain = aesDecrypt(sealed.encrypt);
        expect(plain).toEqual(padded(layout(Buffer.from(text), Buffer.from(receiverId), plain.subarray(0, 16)), 32));
        expect(sealed.signature).toBe(sign(sealed.encrypt).msgSignature);
      }),
    );
  });

  test("two seals of the same text differ, since each draws its own random prefix", () => {
    const crypto = cryptoFor();
    const sealed = () => crypto.seal("same", { timestamp: TIMESTAMP, nonce: NONCE }).encrypt;
    expect(sealed()).not.toBe(sealed());
  });

  test("a changed bit in ciphertext, signature, timestamp or nonce is never accepted", () => {
    const crypto = cryptoFor();
    const ciphertext = crypto.seal("a text", { timestamp: TIMESTAMP, nonce: NONCE, random: RANDOM }).encrypt;
    const query = sign(ciphertext);
    const flipped = (text: string, bit: number) => {
      const bytes = Buffer.from(text);
      const index = Math.floor(bit / 8) % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit % 8));
      return bytes.toString("latin1");
    };
    fc.assert(
      fc.property(fc.nat(2000), fc.constantFrom("ciphertext", "msgSignature", "timestamp", "nonce"), (bit, where) => {
        const changed = where === "ciphertext" ? query : { ...query, [where]: flipped(query[where], bit) };
        const sent = where === "ciphertext" ? flipped(ciphertext, bit) : ciphertext;
        expect(codeFrom(() => crypto.open(changed, sent, NOW))).toBe("bad_signature");
      }),
    );
  });

  test("garbage that is rightly signed is never accepted, also where the empty receiver would match", () => {
    const crypto = cryptoFor();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, wholeBlocks) => {
        const length = wholeBlocks ? bytes.length - (bytes.length % 16) : bytes.length;
        const ciphertext = Buffer.from(bytes.subarray(0, length)).toString("base64");
        expect(codeFrom(() => crypto.open(sign(ciphertext), ciphertext, NOW))).toBe("bad_ciphertext");
      }),
      { numRuns: 1000 },
    );
  });

  test("a message encrypted with another key is never accepted", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), (key, text) => {
        fc.pre(!KEY.equals(key));
        const ciphertext = aesEncrypt(padded(layout(Buffer.from(text), Buffer.alloc(0)), 32), Buffer.from(key));
        expect(codeFrom(() => cryptoFor().open(sign(ciphertext), ciphertext, NOW))).toBe("bad_ciphertext");
      }),
      { numRuns: 500 },
    );
  });

  test("any changed byte of the padded plaintext but message, receiver and random is refused", () => {
    const plain = padded(layout(Buffer.from("ten bytes!"), Buffer.from("rcv")), 32);
    for (let index = 16; index < plain.length; index += 1) {
      if (index >= 20 && index < 33) continue;
      for (const change of [1, 2, 16, 128]) {
        const bytes = Buffer.from(plain);
        bytes[index] = (bytes[index] ?? 0) ^ change;
        const ciphertext = aesEncrypt(bytes);
        expect([index, codeFrom(() => cryptoFor("rcv").open(sign(ciphertext), ciphertext, NOW))]).toEqual([
          index,
          expect.stringMatching(/^(bad_ciphertext|wrong_receiver)$/),
        ]);
      }
    }
  });

  const message = Buffer.from("message");
  const badPlaintexts: [string, Buffer][] = [
    ["padding byte 0", Buffer.concat([layout(Buffer.alloc(11), Buffer.alloc(0)), Buffer.alloc(1, 0)])],
    ["padding byte 33", Buffer.concat([layout(Buffer.alloc(11), Buffer.alloc(0)), Buffer.alloc(33, 33)])],
    ["padding bytes that differ", Buffer.concat([layout(Buffer.alloc(9), Buffer.alloc(0)), Buffer.from([4, 3, 3])])],
    ["padding longer than the message", Buffer.alloc(32, 32)],
    ["nothing between random and padding", Buffer.concat([RANDOM, Buffer.alloc(16, 16)])],
    ["a length beyond the end", padded(Buffer.concat([RANDOM, Buffer.from([0, 0, 0, 200]), message]), 32)],
    ["a length of 4 GB", padded(Buffer.concat([RANDOM, Buffer.alloc(4, 255), message]), 32)],
    ["a message that is not UTF-8", padded(layout(Buffer.from([0xe4, 0xbd]), Buffer.alloc(0)), 32)],
    ["a cut emoji, as long as U+FFFD", padded(layout(Buffer.from([0xf0, 0x9f, 0x98]), Buffer.alloc(0)), 32)],
    ["a receiver that is not UTF-8", padded(layout(message, Buffer.from([0xff])), 32)],
    ["an overlong encoding", padded(layout(Buffer.from([0xc0, 0x80]), Buffer.alloc(0)), 32)],
  ];
  test.each(badPlaintexts)("%s is bad_ciphertext", (_name, plain) => {
    const ciphertext = aesEncrypt(plain);
    expect(codeFrom(() => cryptoFor().open(sign(ciphertext), ciphertext, NOW))).toBe("bad_ciphertext");
  });

  test.each([
    ["empty", ""],
    ["not base64", "你好"],
    ["url-safe base64", "4j_AuRx71kQlxVlzbpsMWFM3FLIlE7-Rr0vpqUk-32s="],
    ["one block", Buffer.alloc(16).toString("base64")],
    ["not whole blocks", Buffer.alloc(47).toString("base64")],
    ["with a line break", "4j/AuRx71kQlxVlzbpsMWFM3FLIl\nE7+Rr0vpqUk+32s="],
  ])("a ciphertext that is %s is bad_ciphertext although rightly signed", (_name, ciphertext) => {
    expect(codeFrom(() => cryptoFor().open(sign(ciphertext), ciphertext, NOW))).toBe("bad_ciphertext");
  });

  test("a genuine U+FFFD and a byte order mark in a message come through", () => {
    const text = "\ufeff\ufffd ok";
    const { encrypt, signature } = cryptoFor().seal(text, { timestamp: TIMESTAMP, nonce: NONCE });
    expect(cryptoFor().open({ msgSignature: signature, timestamp: TIMESTAMP, nonce: NONCE }, encrypt, NOW)).toBe(text);
  });

  test("a message for another receiver is wrong_receiver, also when one of the two is empty", () => {
    const outcome = (sealedFor: string, openedBy: string) => {
      const { encrypt } = cryptoFor(sealedFor).seal("m", { timestamp: TIMESTAMP, nonce: NONCE });
      return codeFrom(() => cryptoFor(openedBy).open(sign(encrypt), encrypt, NOW));
    };
    expect(outcome("ww1", "ww2")).toBe("wrong_receiver");
    expect(outcome("ww1", "")).toBe("wrong_receiver");
    expect(outcome("", "ww1")).toBe("wrong_receiver");
    expect(outcome("ww1", "ww1")).toBe("no error");
  });

  test("a timestamp is accepted up to the limit on either side, and stale beyond", () => {
    const { encrypt } = cryptoFor().seal("m", { timestamp: TIMESTAMP, nonce: NONCE });
    const at = (offsetMs: number) =>
      codeFrom(() => cryptoFor().open(sign(encrypt), encrypt, { nowMs: NOW.nowMs + offsetMs, maxAgeMs: 300_000 }));
    expect([at(300_000), at(-300_000), at(300_001), at(-300_001)]).toEqual([
      "no error",
      "no error",
      "stale_timestamp",
      "stale_timestamp",
    ]);
  });

  test("the signature is judged first: a forged, stale, undecryptable callback is bad_signature", () => {
    const query = { msgSignature: "0".repeat(40), timestamp: "1", nonce: NONCE };
    expect(codeFrom(() => cryptoFor().open(query, "x", NOW))).toBe("bad_signature");
  });

  test("the signed timestamp counts as text: leading zeros that were signed are accepted", () => {
    const { encrypt } = cryptoFor().seal("m", { timestamp: TIMESTAMP, nonce: NONCE });
    expect(cryptoFor().open(sign(encrypt, TOKEN, `0${TIMESTAMP}`), encrypt, NOW)).toBe("m");
  });

  test("no error holds the message, the token or the key", () => {
    const text = "a very private sentence";
    const { encrypt } = cryptoFor("ww1").seal(text, { timestamp: TIMESTAMP, nonce: NONCE });
    try {
      cryptoFor("ww2").open(sign(encrypt), encrypt, NOW);
      throw new Error("it was opened");
    } catch (error) {
      const shown = `${error}${JSON.stringify(error)}${error instanceof Error ? error.stack : ""}`;
      for (const secret of [text, TOKEN, AES_KEY, encrypt]) expect(shown).not.toContain(secret);
    }
  });
});

describe("CallbackCrypto's configuration", () => {
  test.each([
    ["42 characters", AES_KEY.slice(1)],
    ["44 characters with its =", `${AES_KEY}=`],
    ["white space around it", ` ${AES_KEY.slice(1)}`],
    ["url-safe characters", `${AES_KEY.slice(2)}-_`],
    ["nothing", ""],
  ])("an AES key with %s is bad_config and is not shown", (_name, aesKey) => {
    try {
      cryptoFor("", TOKEN, aesKey);
      throw new Error("it was taken");
    } catch (error) {
      expect(codeOf(error)).toBe("bad_config");
      if (aesKey !== "") expect(String(error)).not.toContain(aesKey.trim());
    }
  });

  test("an empty token is bad_config, since anybody could sign", () => {
    expect(codeFrom(() => cryptoFor("", ""))).toBe("bad_config");
  });

  test("the spare bits of the key's last character change nothing", () => {
    const spare = `${AES_KEY.slice(0, -1)}9`;
    expect(Buffer.from(spare, "base64")).toEqual(KEY);
    const { encrypt } = cryptoFor("", TOKEN, spare).seal("m", { timestamp: TIMESTAMP, nonce: NONCE });
    expect(cryptoFor().open(sign(encrypt), encrypt, NOW)).toBe("m");
  });

  test("a random prefix that nobody could decode is refused", () => {
    const seal = () => cryptoFor().seal("m", { timestamp: TIMESTAMP, nonce: NONCE, random: Buffer.alloc(15) });
    expect(codeFrom(seal)).toBe("internal");
  });
});

describe("readCallbackQuery and readEchostr", () => {
  const right = { msg_signature: "0".repeat(40), timestamp: TIMESTAMP, nonce: NONCE };

  test("the three parameters come back as they were", () => {
    expect(readCallbackQuery(new URLSearchParams(right))).toEqual({
      msgSignature: "0".repeat(40),
      timestamp: TIMESTAMP,
      nonce: NONCE,
    });
  });

  test.each([
    ["no signature", { ...right, msg_signature: "" }],
    ["an upper-case signature", { ...right, msg_signature: "A".repeat(40) }],
    ["a short signature", { ...right, msg_signature: "0".repeat(39) }],
    ["no timestamp", { msg_signature: right.msg_signature, nonce: NONCE }],
    ["a timestamp in words", { ...right, timestamp: "now" }],
    ["a negative timestamp", { ...right, timestamp: "-1700000000" }],
    ["an endless timestamp", { ...right, timestamp: "1".repeat(400) }],
    ["an empty nonce", { ...right, nonce: "" }],
    ["an endless nonce", { ...right, nonce: "n".repeat(200) }],
    ["a line break in the nonce", { ...right, nonce: "a\nb" }],
  ])("%s is bad_signature", (_name, query) => {
    expect(codeFrom(() => readCallbackQuery(new URLSearchParams(query)))).toBe("bad_signature");
  });

  test.each(["msg_signature", "timestamp", "nonce"])("%s given twice is bad_request", (name) => {
    const search = new URLSearchParams(right);
    search.append(name, search.get(name) ?? "");
    expect(codeFrom(() => readCallbackQuery(search))).toBe("bad_request");
  });

  test("an echostr whose plus signs arrived as spaces is put right", () => {
    expect(readEchostr(new URLSearchParams("echostr=a+b%2Bc/d%3D"))).toBe("a+b+c/d=");
  });

  test("an echostr that is missing, empty or given twice is bad_request", () => {
    const outcome = (search: string) => codeFrom(() => readEchostr(new URLSearchParams(search)));
    expect([outcome(""), outcome("echostr="), outcome("echostr=a&echostr=a")]).toEqual(Array(3).fill("bad_request"));
  });
});
