import { describe, expect, test } from "@jest/globals";
import { getSignature, decrypt as wecomDecrypt, encrypt as wecomEncrypt } from "@wecom/crypto";
import { decrypt, encrypt, randomAlphanumerics, seal, sign } from "../../simulator/platform-crypto.ts";

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const RANDOM = Buffer.from("0123456789abcdef");
// wecom-protocol 1.8, vectors B to E
const VECTORS = [
  {
    message: "ok",
    receiveId: "",
    ciphertext: "4j/AuRx71kQlxVlzbpsMWFM3FLIlE7+Rr0vpqUk+32s=",
    signature: "dfe579afb083b4335aa1e6324b518244ad687155",
  },
  {
    message: "x".repeat(12),
    receiveId: "",
    ciphertext: "4j/AuRx71kQlxVlzbpsMWHm682cz6RRSbI+nKwdnnCWiMQcqNVRzRH5V1OVnIPtQ0RBAU6gP+dl/csw25VcjJg==",
    signature: "444a305f223d794ab6f022abf49d01f5504eb27d",
  },
  {
    message: '{"msgtype":"stream","stream":{"id":"s1","finish":true,"content":"你好"}}',
    receiveId: "",
    ciphertext:
      "4j/AuRx71kQlxVlzbpsMWAn3bH+diPwG+hqoRYUnYUskbgbGKS3NCs9Onj8Y1fHmDZzbt6mvX7nLNsE3GG2rZF+neY4JXoT0KiC9js0mRMjbJvlsvU1051N2mVtY/6vP",
    signature: "dbb23d103c422fb53ca2979b56a225d7d015a439",
  },
  {
    message: "<xml><MsgType>text</MsgType></xml>",
    receiveId: "ww1234567890abcdef",
    ciphertext:
      "4j/AuRx71kQlxVlzbpsMWK4Nt8yNtI2SU6rCND6HIVVlJfzaU+F8aQGysSoZJS0Yk348o1OPh5z9m47tBIY8O1CsDqME/hWTgdwlJbyPtL1jGThSJsoe/DZh3WkvrKls",
    signature: "c56c7994dc239941478822cf2a1300ea95413a92",
  },
];

describe("the platform's crypto", () => {
  test.each(VECTORS)(
    "agrees with the protocol's vector for $message",
    ({ message, receiveId, ciphertext, signature }) => {
      expect(encrypt(KEY, message, receiveId, RANDOM)).toBe(ciphertext);
      expect(sign("testtoken", "1700000000", "nonce123", ciphertext)).toBe(signature);
      expect(decrypt(KEY, ciphertext)).toEqual({ message, receiveId });
    },
  );

  test("opens the public sample of the documents", () => {
    const ciphertext =
      "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==";
    const opened = decrypt("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", ciphertext);
    expect(opened.receiveId).toBe("wx5823bf96d3bd56c7");
    expect(opened.message).toContain("<MsgId>4561255354251345929</MsgId>");
    expect(sign("QDG6eK", "1409659813", "1372623149", ciphertext)).toBe("477715d11cdb4164915debcba66cb864d751f3e6");
  });

  test("is understood by WeCom's own package and understands it, at every padding length", () => {
    const key = randomAlphanumerics(43);
    for (let length = 0; length <= 66; length += 1) {
      const message = "信".repeat(length % 7) + "x".repeat(length);
      const sealed = seal({ token: "t0ken", aesKey: key, receiveId: "wwcorp" }, message, 1_700_000_000_000);
      expect(wecomDecrypt(key, sealed.ciphertext)).toMatchObject({ message, id: "wwcorp" });
      expect(getSignature("t0ken", sealed.timestamp, sealed.nonce, sealed.ciphertext)).toBe(sealed.signature);
      expect(decrypt(key, wecomEncrypt(key, message, ""))).toEqual({ message, receiveId: "" });
    }
  });

  test("refuses a ciphertext that was made with another key", () => {
    const refused = Array.from({ length: 50 }, () => encrypt(randomAlphanumerics(43), "hello", "")).filter(
      (ciphertext) => {
        try {
          decrypt(KEY, ciphertext);
          return false;
        } catch (error) {
          return (error as { code?: string }).code === "bad_ciphertext";
        }
      },
    );
    expect(refused).toHaveLength(50);
  });

  test.each([
    ["an empty one", ""],
    ["one that is not base64", "*****"],
    ["one cut short", VECTORS[1]?.ciphertext.slice(0, 40) ?? ""],
  ])("refuses %s", (_, ciphertext) => {
    expect(() => decrypt(KEY, ciphertext)).toThrow("does not open");
  });
});
