/**
 * The platform's own side of callback crypto (wecom-protocol 1.3 to 1.7), on bare node:crypto. It shares no line with
 * src/wecom on purpose: as a second opinion it can disagree with the service.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomInt } from "node:crypto";
import { YingdaError } from "../src/base/errors.ts";

/** What the admin console holds for one callback. */
export interface CallbackKeys {
  token: string;
  /** EncodingAESKey, 43 characters. */
  aesKey: string;
  /** corpid for the self-built app, "" for the AI bot (wecom-protocol 1.5). */
  receiveId: string;
}

/** One signed and encrypted callback, before it is put into XML or JSON. */
export interface SealedCallback {
  timestamp: string;
  nonce: string;
  signature: string;
  ciphertext: string;
  /** `msg_signature=…&timestamp=…&nonce=…` */
  query: string;
}

const PAD_BLOCK_BYTES = 32;
const RANDOM_BYTES = 16;
const ALPHANUMERICS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Random letters and digits, as the admin console's "generate" button gives for a Token (≤ 32) or EncodingAESKey (43). */
export function randomAlphanumerics(length: number): string {
  return Array.from({ length }, () => ALPHANUMERICS[randomInt(ALPHANUMERICS.length)]).join("");
}

/** sha1 over the four strings in byte order, lower-case hex (wecom-protocol 1.3). */
export function sign(token: string, timestamp: string, nonce: string, ciphertext: string): string {
  return createHash("sha1").update([token, timestamp, nonce, ciphertext].sort().join("")).digest("hex");
}

/** base64 of AES-256-CBC over random(16) + length(4) + message + receiveid + padding to 32 (wecom-protocol 1.4). */
export function encrypt(
  aesKey: string,
  message: string,
  receiveId: string,
  random: Buffer = randomBytes(RANDOM_BYTES),
): string {
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return encryptBytes(aesKey, Buffer.concat([random, length, text, Buffer.from(receiveId)])).toString("base64");
}

/** A media file as an AI-bot callback links to it: the same cipher, no envelope inside (wecom-protocol 4.5). */
export function encryptFile(aesKey: string, file: Buffer): Buffer {
  return encryptBytes(aesKey, file);
}

/**
 * Opens a ciphertext with every check of wecom-protocol 1.4. Throws `bad_ciphertext`; the receiveid is handed back for
 * the caller to compare.
 */
export function decrypt(aesKey: string, ciphertext: string): { message: string; receiveId: string } {
  const key = keyBytes(aesKey);
  const sealed = Buffer.from(ciphertext, "base64");
  if (sealed.length < PAD_BLOCK_BYTES || sealed.length % 16 !== 0) throw badCiphertext("its length is impossible");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  const padBytes = padded.at(-1) ?? 0;
  if (padBytes < 1 || padBytes > PAD_BLOCK_BYTES) throw badCiphertext("its padding length is not 1 to 32");
  if (!padded.subarray(-padBytes).every((byte) => byte === padBytes)) throw badCiphertext("its padding is uneven");
  const open = padded.subarray(0, -padBytes);
  if (open.length < RANDOM_BYTES + 4) throw badCiphertext("it is shorter than its own header");
  const messageEnd = RANDOM_BYTES + 4 + open.readUInt32BE(RANDOM_BYTES);
  if (messageEnd > open.length) throw badCiphertext("its message length points past its end");
  return {
    message: utf8(open.subarray(RANDOM_BYTES + 4, messageEnd)),
    receiveId: utf8(open.subarray(messageEnd)),
  };
}

/** Seals `message` as the platform does for every single delivery: a timestamp, nonce and signature of its own. */
export function seal(keys: CallbackKeys, message: string, atMs: number): SealedCallback {
  const timestamp = String(Math.floor(atMs / 1000));
  const nonce = String(randomInt(1_000_000_000, 9_999_999_999));
  const ciphertext = encrypt(keys.aesKey, message, keys.receiveId);
  const signature = sign(keys.token, timestamp, nonce, ciphertext);
  return {
    timestamp,
    nonce,
    signature,
    ciphertext,
    query: new URLSearchParams({ msg_signature: signature, timestamp, nonce }).toString(),
  };
}

function encryptBytes(aesKey: string, plain: Buffer): Buffer {
  const key = keyBytes(aesKey);
  const padBytes = PAD_BLOCK_BYTES - (plain.length % PAD_BLOCK_BYTES);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(padBytes, padBytes)), cipher.final()]);
}

function keyBytes(aesKey: string): Buffer {
  const key = Buffer.from(`${aesKey}=`, "base64");
  if (!/^[A-Za-z0-9+/]{43}$/.test(aesKey) || key.length !== 32) {
    throw new YingdaError("bad_config", "An EncodingAESKey has exactly 43 letters and digits.");
  }
  return key;
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new YingdaError("bad_ciphertext", "The ciphertext does not open: its text is not UTF-8.", { cause: error });
  }
}

function badCiphertext(why: string): YingdaError {
  return new YingdaError("bad_ciphertext", `The ciphertext does not open: ${why}.`);
}
