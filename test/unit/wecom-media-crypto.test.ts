import { createCipheriv, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import { decryptMedia, readMediaKey } from "../../src/wecom/media-crypto.ts";

const KEY_BYTES = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const AES_KEY = KEY_BYTES.toString("base64").slice(0, 43);

function encrypt(plain: Uint8Array, padding: Uint8Array, key = KEY_BYTES): Buffer {
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.update(padding), cipher.final()]);
}

function padded(plain: Uint8Array, block = 32): Uint8Array {
  const count = block - (plain.length % block);
  return new Uint8Array(count).fill(count);
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return codeOf(error);
  }
}

describe("media keys", () => {
  test("the console's 43 characters, and base64 with or without its sign, are the same key", () => {
    const plain = randomBytes(100);
    const sealed = encrypt(plain, padded(plain));
    for (const text of [AES_KEY, `${AES_KEY}=`]) expect(decryptMedia(sealed, readMediaKey(text))).toEqual(plain);
  });

  test.each(["", "a", AES_KEY.slice(1), `${AES_KEY}==`, `${AES_KEY}a`, ` ${AES_KEY}`, `-${AES_KEY.slice(1)}`])(
    "%j is none",
    (text) => {
      expect(outcome(() => readMediaKey(text))).toBe("media_unreadable");
    },
  );

  test("a key does not print", () => {
    const key = readMediaKey(AES_KEY);
    const printed = `${inspect(key, { depth: 9, showHidden: true })} ${JSON.stringify(key)}`;
    expect(printed).not.toMatch(/00 ?01 ?02|AAEC|"data"/);
  });
});

describe("media decryption", () => {
  const key = readMediaKey(AES_KEY);

  test("every file comes out as it went in, also one padded to blocks of 16", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), fc.constantFrom(16, 32), (plain, block) => {
        expect(decryptMedia(encrypt(plain, padded(plain, block)), key)).toEqual(Buffer.from(plain));
      }),
    );
  });

  test("a ciphertext that is cut, longer, or under another key does not pass for a file with wrong padding", () => {
    // Always the same bytes: one in 256 files would look well padded under another key, which the scheme cannot tell.
    const plain = Buffer.alloc(1000, "a");
    const sealed = encrypt(plain, padded(plain));
    expect(outcome(() => decryptMedia(sealed.subarray(0, -1), key))).toBe("media_unreadable");
    expect(outcome(() => decryptMedia(new Uint8Array(0), key))).toBe("media_unreadable");
    const other = readMediaKey(Buffer.alloc(32, 7).toString("base64"));
    expect(outcome(() => decryptMedia(sealed, other))).toBe("media_unreadable");
  });

  test.each([
    ["no padding at all", [0]],
    ["more than a block", [33]],
    ["one byte that differs", [...new Array(30).fill(32), 31, 32]],
    ["longer than the file", new Array(16).fill(17)],
  ])("%s is refused", (_name, tail) => {
    const length = Math.ceil(tail.length / 16) * 16;
    const plain = Buffer.alloc(length - tail.length, 1);
    expect(outcome(() => decryptMedia(encrypt(plain, Buffer.from(tail)), key))).toBe("media_unreadable");
  });
});
