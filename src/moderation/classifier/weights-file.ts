import { createHash, timingSafeEqual } from "node:crypto";
import { YingdaError } from "../../base/errors.ts";
import { BUCKET_BITS_MAX, BUCKET_BITS_MIN, FEATURES_VERSION } from "./features.ts";

/**
 * The weights as they lie on disk, little-endian:
 *
 * | offset | bytes | what |
 * | ---: | ---: | --- |
 * | 0 | 4 | `YDST` |
 * | 4 | 2 | version of this format, 1 |
 * | 6 | 2 | version of the features (features.ts) |
 * | 8 | 4 | bits of a bucket's number: 2^bits weights |
 * | 12 | 8 | float64: the weight that level 127 stands for |
 * | 20 | 8 | float64: bias of the logistic regression |
 * | 28 | 8 | float64: slope of the calibration |
 * | 36 | 8 | float64: offset of the calibration |
 * | 44 | 2^bits | int8: level of each bucket |
 * | 44 + 2^bits | 32 | SHA-256 of everything before it |
 *
 * Level q is the weight sign(q) × (q / 127)² × the largest one: small weights, which are most, keep their differences.
 */
const MAGIC = "YDST";
const FORMAT_VERSION = 1;
const HEADER_BYTES = 44;
const CHECKSUM_BYTES = 32;
const LEVEL_MAX = 127;

export interface Weights {
  bucketBits: number;
  /** What level 127 stands for. */
  weightMax: number;
  bias: number;
  /** The probability is the logistic function of slope × (sum of weights + bias) + offset. */
  slope: number;
  offset: number;
  levels: Int8Array;
}

export function encodeWeights(weights: Weights): Uint8Array {
  const { levels } = weights;
  const bytes = new Uint8Array(HEADER_BYTES + levels.length + CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < MAGIC.length; at += 1) view.setUint8(at, MAGIC.charCodeAt(at));
  view.setUint16(4, FORMAT_VERSION, true);
  view.setUint16(6, FEATURES_VERSION, true);
  view.setUint32(8, weights.bucketBits, true);
  view.setFloat64(12, weights.weightMax, true);
  view.setFloat64(20, weights.bias, true);
  view.setFloat64(28, weights.slope, true);
  view.setFloat64(36, weights.offset, true);
  bytes.set(new Uint8Array(levels.buffer, levels.byteOffset, levels.length), HEADER_BYTES);
  bytes.set(checksum(bytes), HEADER_BYTES + levels.length);
  return bytes;
}

/** Throws YingdaError bad_config when the bytes are not weights that this code can use. */
export function decodeWeights(bytes: Uint8Array): Weights {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES || String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw refused("they are not a weights file", bytes);
  }
  if (view.getUint16(4, true) !== FORMAT_VERSION) throw refused("their format is of another version", bytes);
  if (view.getUint16(6, true) !== FEATURES_VERSION) throw refused("they were trained on other features", bytes);
  const bucketBits = view.getUint32(8, true);
  if (bucketBits < BUCKET_BITS_MIN || bucketBits > BUCKET_BITS_MAX) throw refused("they are damaged", bytes);
  const end = HEADER_BYTES + 2 ** bucketBits;
  if (bytes.length !== end + CHECKSUM_BYTES) throw refused("their length is wrong", bytes);
  if (!timingSafeEqual(checksum(bytes), bytes.subarray(end))) throw refused("they are damaged", bytes);
  const [weightMax = 0, bias = 0, slope = 0, offset = 0] = [12, 20, 28, 36].map((at) => view.getFloat64(at, true));
  // A negative slope would call the harmless harmful; anything not finite, nothing at all.
  if (![weightMax, bias, slope, offset].every(Number.isFinite) || weightMax <= 0 || slope <= 0) {
    throw refused("their numbers make no sense", bytes);
  }
  return { bucketBits, weightMax, bias, slope, offset, levels: new Int8Array(bytes.subarray(HEADER_BYTES, end)) };
}

/** A short name that changes with every bit of the file. */
export function versionOf(bytes: Uint8Array): string {
  return `style.${Buffer.from(bytes.subarray(-CHECKSUM_BYTES)).toString("hex", 0, 4)}`;
}

/** Weight of each level from -128 to 127, at index level + 128. */
export function weightsOfLevels(weightMax: number): Float64Array {
  return Float64Array.from({ length: 256 }, (_, index) => {
    const part = (index - 128) / LEVEL_MAX;
    return Math.sign(part) * part * part * weightMax;
  });
}

/** The level whose weight is nearest. */
export function levelOf(weight: number, weightMax: number): number {
  const part = Math.min(1, Math.sqrt(Math.abs(weight) / weightMax));
  return Math.sign(weight) * Math.round(part * LEVEL_MAX);
}

function checksum(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes.subarray(0, -CHECKSUM_BYTES)).digest();
}

function refused(why: string, bytes: Uint8Array): YingdaError {
  return new YingdaError(
    "bad_config",
    `The classifier's weights cannot be used: ${why}. Restore src/moderation/classifier/style.weights, or train it anew with \`npm run train-classifier\``,
    { details: { bytes: bytes.length } },
  );
}
