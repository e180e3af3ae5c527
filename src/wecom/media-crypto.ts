import { createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { YingdaError } from "../base/errors.ts";

/** A file's key. Opaque, so that it cannot print. */
export interface MediaKey {
  key: KeyObject;
  /** The key's first 16 bytes, as a KeyObject for the same reason. */
  iv: KeyObject;
}

/** 32 bytes in standard base64; the last character's two spare bits may have any value (wecom-protocol 1.1). */
const KEY_SHAPE = /^[A-Za-z0-9+/]{43}=?$/;
const AES_BLOCK_BYTES = 16;
const PADDING_BYTES_MAX = 32;

/**
 * Reads a media key: the callback's EncodingAESKey (43 characters; wecom-protocol 4.5), or the `aeskey` of one file over the
 * long connection (5.6), whose base64 may lack its `=`.
 * @throws YingdaError `media_unreadable` for anything that is not 32 bytes.
 */
export function readMediaKey(text: string): MediaKey {
  if (!KEY_SHAPE.test(text)) throw unreadable("key", "its key is not 32 bytes in base64");
  const bytes = Buffer.from(text, "base64");
  return { key: createSecretKey(bytes), iv: createSecretKey(bytes.subarray(0, AES_BLOCK_BYTES)) };
}

/**
 * Decrypts a media file (wecom-protocol 4.5): AES-256-CBC, the IV is the key's beginning, PKCS#7 to blocks of 32 bytes, and no
 * envelope inside: the plaintext is the file. The padding is the scheme's only check, and so every byte of it is looked at.
 * An odd number of AES blocks is read as well, as in callbacks (1.4).
 * @throws YingdaError `media_unreadable`: another key, or a file that was cut or changed on its way.
 */
export function decryptMedia(ciphertext: Uint8Array, { key, iv }: MediaKey): Buffer {
  if (ciphertext.length === 0 || ciphertext.length % AES_BLOCK_BYTES !== 0) {
    throw unreadable("length", "its length is not one of AES blocks");
  }
  const decipher = createDecipheriv("aes-256-cbc", key, iv.export()).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  const paddingBytes = padded.at(-1) ?? 0;
  const isPadding =
    paddingBytes >= 1 &&
    paddingBytes <= Math.min(PADDING_BYTES_MAX, padded.length) &&
    padded.subarray(-paddingBytes).every((byte) => byte === paddingBytes);
  if (!isPadding) throw unreadable("padding", "its padding is wrong");
  return padded.subarray(0, padded.length - paddingBytes);
}

function unreadable(reason: string, why: string): YingdaError {
  return new YingdaError(
    "media_unreadable",
    `a media file cannot be decrypted: ${why}; check that the EncodingAESKey is the console's`,
    { details: { reason } },
  );
}
