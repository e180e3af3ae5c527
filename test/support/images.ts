import { crc32 } from "node:zlib";

/** A PNG whose header promises so many pixels, whatever its data hold. */
export function pngThatSays(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A Windows bitmap of these pixels (red, green, blue), row by row from the top. */
export function bmpOf(
  width: number,
  height: number,
  pixels: readonly (readonly [number, number, number])[],
  { bits = 24, topDown = false }: { bits?: number; topDown?: boolean } = {},
): Buffer {
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  const bytes = Buffer.alloc(54 + rowBytes * height);
  bytes.write("BM", 0, "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(topDown ? -height : height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  pixels.forEach(([red, green, blue], index) => {
    const row = Math.floor(index / width);
    const at = 54 + rowBytes * (topDown ? row : height - 1 - row) + (index % width) * (bits / 8);
    bytes.set([blue, green, red], at);
  });
  return bytes;
}
