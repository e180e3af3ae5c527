import { createCipheriv, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { decrypt, encrypt, getSignature } from "@wecom/crypto";
import { YingdaError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";

/** What WeCom puts in the query string of every callback (wecom-protocol 1.2), as text, exactly as received. */
export interface CallbackQuery {
  msgSignature: string;
  /** Seconds since 1970, as text: the signature covers the characters, not the number. */
  timestamp: string;
  nonce: string;
}

const SIGNATURE_SHAPE = /^[0-9a-f]{40}$/;
const TIMESTAMP_SHAPE = /^[0-9]{1,12}$/;
/** Printable ASCII. The length keeps a nonce that goes back in our answer, and into replay keys, small. */
const NONCE_SHAPE = /^[\x21-\x7e]{1,128}$/;

/**
 * Reads the three parameters that every callback carries.
 * @throws YingdaError `bad_signature` when one is missing or cannot be what WeCom sends, `bad_request` when one is
 *   given twice (two readers of the same request could then see different values).
 */
export function readCallbackQuery(search: URLSearchParams): CallbackQuery {
  const query = {
    msgSignature: single(search, "msg_signature") ?? "",
    timestamp: single(search, "timestamp") ?? "",
    nonce: single(search, "nonce") ?? "",
  };
  if (
    !SIGNATURE_SHAPE.test(query.msgSignature) ||
    !TIMESTAMP_SHAPE.test(query.timestamp) ||
    !NONCE_SHAPE.test(query.nonce)
  ) {
    throw new YingdaError("bad_signature", "msg_signature, timestamp or nonce is missing or malformed in the query");
  }
  return query;
}

/**
 * Reads the ciphertext of a URL check. A `+` that arrived as a space is put back (wecom-protocol 1.2). Its length is
 * bounded by the HTTP server's limit on the request line.
 * @throws YingdaError `bad_request` when it is missing or given twice.
 */
export function readEchostr(search: URLSearchParams): string {
  const echostr = single(search, "echostr");
  if (echostr === undefined || echostr === "") throw new YingdaError("bad_request", "echostr is missing in the query");
  return echostr.replaceAll(" ", "+");
}

function single(search: URLSearchParams, name: string): string | undefined {
  const values = search.getAll(name);
  if (values.length > 1) throw new YingdaError("bad_request", `${name} is given more than once in the query`);
  return values[0];
}

/** Standard base64 of the 32-byte key without its `=`. The last character's two spare bits may have any value (1.1). */
const AES_KEY_SHAPE = /^[A-Za-z0-9+/]{43}$/;
const BASE64_SHAPE = /^[A-Za-z0-9+/]+={0,2}$/;
const RANDOM_BYTES = 16;
const AES_BLOCK_BYTES = 16;
const CIPHERTEXT_BYTES_MIN = 32;
const PADDING_BYTES_MAX = 32;

/**
 * Signs, verifies, encrypts and decrypts the callbacks of one channel (wecom-protocol 1).
 *
 * `@wecom/crypto` does the signature and the AES. It checks nothing of what it decrypts (1.9): it strips the padding
 * by the last byte alone, cuts a message at whatever length it finds and turns bytes that are not UTF-8 into U+FFFD.
 * So `open` believes it only if writing down what it returned, padding included, and encrypting that again gives back
 * the very bytes that arrived. That one comparison holds every rule at once (padding value and all its bytes, length
 * field, UTF-8), also for a ciphertext of an odd number of 16-byte blocks, which the library itself never writes.
 */
export class CallbackCrypto {
  readonly #token: Secret;
  readonly #aesKey: Secret;
  readonly #receiverId: string;
  /** A KeyObject: handing Node 24 the raw bytes costs 12 µs more per call, since it is parsed each time. */
  readonly #key: KeyObject;
  readonly #iv: Buffer;

  /**
   * `receiverId`: the corpid for a self-built app, the empty string for an AI bot (wecom-protocol 1.5).
   * @throws YingdaError `bad_config` for an empty token or an EncodingAESKey that is not 43 base64 characters.
   */
  constructor(options: { token: Secret; aesKey: Secret; receiverId: string }) {
    const aesKey = options.aesKey.reveal();
    if (!AES_KEY_SHAPE.test(aesKey)) {
      throw new YingdaError(
        "bad_config",
        `an EncodingAESKey has exactly 43 letters and digits, this one has ${aesKey.length} characters or an odd one among them; copy it again from WeCom's console`,
      );
    }
    if (options.token.reveal() === "") {
      throw new YingdaError(
        "bad_config",
        "the callback Token is empty: anybody could sign; copy it from WeCom's console",
      );
    }
    const keyBytes = Buffer.from(aesKey, "base64");
    this.#token = options.token;
    this.#aesKey = options.aesKey;
    this.#receiverId = options.receiverId;
    this.#key = createSecretKey(keyBytes);
    this.#iv = keyBytes.subarray(0, AES_BLOCK_BYTES);
  }

  /**
   * Returns the plaintext of a callback's `ciphertext` (`Encrypt`, `encrypt` or `echostr`).
   * The signature is checked first, in constant time: it is the scheme's only authentication (wecom-protocol 1.3).
   * `maxAgeMs` bounds how old, and how far ahead of `nowMs`, the signed timestamp may be.
   * @throws YingdaError `bad_signature`, `stale_timestamp`, `bad_ciphertext` or `wrong_receiver`.
   */
  open(query: CallbackQuery, ciphertext: string, limits: { nowMs: number; maxAgeMs: number }): string {
    this.#verifySignature(query, ciphertext);
    const ageMs = limits.nowMs - Number(query.timestamp) * 1000;
    if (Math.abs(ageMs) > limits.maxAgeMs) {
      throw new YingdaError(
        "stale_timestamp",
        "the callback's timestamp is too far from now; check this host's clock",
        {
          details: { ageMs, maxAgeMs: limits.maxAgeMs },
        },
      );
    }
    const { message, receiverId } = this.#decrypt(ciphertext);
    if (receiverId !== this.#receiverId) {
      throw new YingdaError("wrong_receiver", "the callback is for another receiver; check WECOM_CORP_ID and the URL");
    }
    return message;
  }

  /**
   * Encrypts and signs a reply, or in tests and the simulator a callback. `random` is for test vectors only and has
   * exactly 16 bytes; a fresh one is drawn otherwise.
   */
  seal(
    plaintext: string,
    options: { timestamp: string | number; nonce: string; random?: Buffer },
  ): { encrypt: string; signature: string } {
    if (options.random !== undefined && options.random.length !== RANDOM_BYTES) {
      throw new YingdaError("internal", `the random prefix has ${options.random.length} bytes, 16 are needed`);
    }
    const sealed = encrypt(this.#aesKey.reveal(), plaintext, this.#receiverId, options.random);
    const timestamp = String(options.timestamp);
    return { encrypt: sealed, signature: getSignature(this.#token.reveal(), timestamp, options.nonce, sealed) };
  }

  #verifySignature(query: CallbackQuery, ciphertext: string): void {
    const expected = getSignature(this.#token.reveal(), query.timestamp, query.nonce, ciphertext);
    const given = Buffer.from(query.msgSignature);
    if (given.length !== expected.length || !timingSafeEqual(Buffer.from(expected), given)) {
      throw new YingdaError("bad_signature", "msg_signature does not match; check that the Token is the console's");
    }
  }

  #decrypt(ciphertext: string): { message: string; receiverId: string } {
    if (!BASE64_SHAPE.test(ciphertext)) throw badCiphertext("it is not base64");
    const sealed = Buffer.from(ciphertext, "base64");
    if (sealed.length < CIPHERTEXT_BYTES_MIN || sealed.length % AES_BLOCK_BYTES !== 0) {
      throw badCiphertext("its length is not one of AES blocks");
    }
    const opened = decryptWithLibrary(this.#aesKey.reveal(), ciphertext);
    const length = Buffer.allocUnsafe(4);
    const message = Buffer.from(opened.message);
    length.writeUInt32BE(message.length);
    const unpadded = Buffer.concat([opened.random, length, message, Buffer.from(opened.id)]);
    const paddingBytes = sealed.length - unpadded.length;
    // 0 is what remains when the last byte was out of range and the library stripped nothing.
    if (paddingBytes < 1 || paddingBytes > PADDING_BYTES_MAX) throw badCiphertext("its padding or length is wrong");
    const cipher = createCipheriv("aes-256-cbc", this.#key, this.#iv).setAutoPadding(false);
    const resealed = Buffer.concat([
      cipher.update(unpadded),
      cipher.update(Buffer.alloc(paddingBytes, paddingBytes)),
      cipher.final(),
    ]);
    if (!resealed.equals(sealed)) throw badCiphertext("its padding, length or text is wrong");
    return { message: opened.message, receiverId: opened.id };
  }
}

/** The library throws plain RangeErrors on what it cannot cut up; here every fault has the same code. */
function decryptWithLibrary(aesKey: string, ciphertext: string): { message: string; id: string; random: Buffer } {
  try {
    return decrypt(aesKey, ciphertext);
  } catch {
    throw badCiphertext("it is too short");
  }
}

function badCiphertext(why: string): YingdaError {
  return new YingdaError(
    "bad_ciphertext",
    `rightly signed, but cannot be decrypted: ${why}; check that the EncodingAESKey is the console's`,
  );
}
