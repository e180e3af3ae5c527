/** Pixels as they lie in memory: rows from the top, three bytes each, red first. */
export interface RawImage {
  pixels: Buffer;
  width: number;
  height: number;
}

const UNCOMPRESSED = 0;
/** 32 bits with masks for the colours; the usual masks are those of an uncompressed one. */
const BIT_FIELDS = 3;
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/**
 * Reads a Windows bitmap of 24 or 32 bits a pixel, as screenshots and Paint write them; the image library has no reader for
 * it. Null for other kinds, for one that is cut, and for one of more than `pixelsMax` pixels. Its fourth byte, which most
 * programs leave at zero, is not taken for transparency.
 */
export function readBmp(bytes: Uint8Array, pixelsMax: number): RawImage | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 54 || view.getUint32(14, true) < 40) return null;
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const isPlain = compression === UNCOMPRESSED || (compression === BIT_FIELDS && bits === 32 && hasUsualMasks(view));
  if (!isPlain || (bits !== 24 && bits !== 32) || width < 1 || height < 1 || width * height > pixelsMax) return null;
  const pixelBytes = bits / 8;
  // Each row ends at a multiple of four bytes.
  const rowBytes = Math.ceil((width * pixelBytes) / 4) * 4;
  const start = view.getUint32(10, true);
  if (start + rowBytes * height > bytes.length) return null;
  const pixels = Buffer.alloc(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    // Rows lie from the bottom up, unless the height is negative.
    let at = start + rowBytes * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x += 1) {
      pixels[to] = bytes[at + 2] ?? 0;
      pixels[to + 1] = bytes[at + 1] ?? 0;
      pixels[to + 2] = bytes[at] ?? 0;
      to += 3;
      at += pixelBytes;
    }
  }
  return { pixels, width, height };
}

function hasUsualMasks(view: DataView): boolean {
  return view.byteLength >= 66 && USUAL_MASKS.every((mask, index) => view.getUint32(54 + index * 4, true) === mask);
}
