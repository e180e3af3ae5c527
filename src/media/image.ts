import sharp, { type Sharp } from "sharp";
import { YingdaError } from "../base/errors.ts";
import { Turnstile } from "../base/turnstile.ts";
import { readBmp } from "./bmp.ts";
import { detectFileType, type FileType, isImage } from "./file-type.ts";

export interface PreparedImage {
  bytes: Buffer;
  mimeType: "image/jpeg" | "image/png";
  width: number;
  height: number;
}

export interface ImageLimits {
  /** The longer side of what comes out; vision models see no more than this anyway. */
  sidePixelsMax: number;
  /** Of what comes out: it goes to the model in base64, once with each question about it. */
  bytesMax: number;
}

const LIMITS: ImageLimits = { sidePixelsMax: 1_568, bytesMax: 2 * 1024 * 1024 };
/** Width times height of what comes in: some kilobytes can say that they are gigabytes. A phone's largest photo has 50 million. */
const PIXELS_MAX = 50_000_000;
/** Images decoded at once in this process: one of the largest takes some 300 MB until it is made smaller. */
const AT_ONCE_MAX = 2;
/** Images that wait for their turn: what is decoded a minute later helps nobody. */
const WAITING_MAX = 32;
/** Of decoding and encoding: libvips stops by itself, so that no image holds a thread for good. */
const SECONDS_MAX = 10;
/** Tried one after the other until the image fits; below, letters cannot be read any more. */
const JPEG_STEPS = [
  { quality: 85, scale: 1 },
  { quality: 70, scale: 1 },
  { quality: 60, scale: 0.75 },
  { quality: 50, scale: 0.5 },
  { quality: 40, scale: 0.25 },
] as const;

// A turn's image must not take all cores from the callbacks, and no image comes twice, so nothing of it is kept.
sharp.concurrency(1);
sharp.cache(false);
// Of all that the library can open (SVG, PDF, RAW, its own formats) only these: each reader is a way in.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadNsgif", "VipsForeignLoadWebp"],
});

const turnstile = new Turnstile({
  insideMax: AT_ONCE_MAX,
  waitingMax: WAITING_MAX,
  full: () => new YingdaError("media_busy", "too many images are being prepared at once", { retryable: true }),
});

/**
 * Makes an image that a member sent fit for a vision model: turned as its EXIF says, without metadata (which may say where it
 * was taken), of an animation the first frame, made smaller when needed. Out comes a JPEG; a PNG where there is transparency
 * or the letters of a screenshot, if it fits.
 * @throws YingdaError `media_unreadable` for what is no JPEG, PNG, GIF, WebP or BMP, or is damaged; `media_too_large` for more
 *   than 50 million pixels; `media_busy` (retryable); the signal's reason.
 */
export async function prepareImage(
  bytes: Uint8Array,
  { signal, ...own }: Partial<ImageLimits> & { signal: AbortSignal },
): Promise<PreparedImage> {
  const limits = { ...LIMITS, ...own };
  const type = detectFileType(bytes, null);
  if (!isImage(type)) throw unreadable("type");
  return turnstile.pass(async () => {
    try {
      return await prepare(bytes, type, limits, signal);
    } catch (error) {
      signal.throwIfAborted();
      // What the library says may quote the file.
      throw error instanceof YingdaError ? error : unreadable("damaged");
    }
  }, signal);
}

async function prepare(
  bytes: Uint8Array,
  type: FileType,
  limits: ImageLimits,
  signal: AbortSignal,
): Promise<PreparedImage> {
  const hasAlpha = type !== "bmp" && (await alphaOfHeader(bytes));
  const source = open(bytes, type);
  const side = limits.sidePixelsMax;
  // Decoded once: from here on it is small.
  const small = await source
    .timeout({ seconds: SECONDS_MAX })
    .autoOrient()
    .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  signal.throwIfAborted();
  const { info } = small;
  const raw = () => sharp(small.data, { raw: { width: info.width, height: info.height, channels: info.channels } });
  const isTransparent = hasAlpha && !(await raw().stats()).isOpaque;
  if (isTransparent || type === "png" || type === "gif" || type === "bmp") {
    const png = await raw().png({ compressionLevel: 8 }).timeout({ seconds: SECONDS_MAX }).toBuffer();
    if (png.length <= limits.bytesMax) {
      return { bytes: png, mimeType: "image/png", width: info.width, height: info.height };
    }
  }
  return asJpeg(raw, info, limits.bytesMax, signal);
}

/** Reads the header alone. Without the limit there, so that too many pixels can be told from damage. */
async function alphaOfHeader(bytes: Uint8Array): Promise<boolean> {
  const { width, height, hasAlpha } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (width * height > PIXELS_MAX) throw tooManyPixels();
  return hasAlpha;
}

function open(bytes: Uint8Array, type: FileType): Sharp {
  if (type !== "bmp") return sharp(bytes, { limitInputPixels: PIXELS_MAX, sequentialRead: true });
  const bmp = readBmp(bytes, PIXELS_MAX);
  if (bmp === null) throw unreadable("bmp");
  const { width, height } = bmp;
  return sharp(bmp.pixels, { raw: { width, height, channels: 3 }, limitInputPixels: PIXELS_MAX });
}

async function asJpeg(
  raw: () => Sharp,
  { width, height }: { width: number; height: number },
  bytesMax: number,
  signal: AbortSignal,
): Promise<PreparedImage> {
  for (const { quality, scale } of JPEG_STEPS) {
    signal.throwIfAborted();
    const { data, info } = await raw()
      .flatten({ background: "white" })
      .resize({
        width: Math.max(1, Math.round(width * scale)),
        height: Math.max(1, Math.round(height * scale)),
        fit: "fill",
      })
      .jpeg({ quality, mozjpeg: false })
      .timeout({ seconds: SECONDS_MAX })
      .toBuffer({ resolveWithObject: true });
    if (data.length <= bytesMax) return { bytes: data, mimeType: "image/jpeg", width: info.width, height: info.height };
  }
  throw new YingdaError("media_too_large", "an image does not fit even when it is made small", {
    details: { reason: "bytes" },
  });
}

/** Side of the square of pixels that becomes one token, and the tokens that open and close an image. */
const PATCH_PIXELS = 28;
const FRAME_TOKENS = 2;

/**
 * How many tokens of the context an image takes, for the budget: as in Qwen2-VL and Qwen2.5-VL, where 28 by 28 pixels become
 * one. Qwen3-VL (32 by 32), and models that see an image as a fixed number of tiles, as a rule need fewer.
 */
export function imageTokens(width: number, height: number): number {
  const patches = (pixels: number) => Math.max(1, Math.round(pixels / PATCH_PIXELS));
  return patches(width) * patches(height) + FRAME_TOKENS;
}

function tooManyPixels(): YingdaError {
  return new YingdaError("media_too_large", `an image has more than ${PIXELS_MAX} pixels`, {
    details: { reason: "pixels" },
  });
}

function unreadable(reason: string): YingdaError {
  return new YingdaError("media_unreadable", "an image cannot be decoded", { details: { reason } });
}
