/** Careful looks into JSON that somebody else wrote. */

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object itself, or an empty one for anything else. */
export function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function stringOr(value: unknown, otherwise = ""): string {
  return typeof value === "string" ? value : otherwise;
}

export function listOr(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** The longest beginning of `text` that fits into `bytesMax` bytes of UTF-8 without tearing a character. */
export function cutUtf8(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}
