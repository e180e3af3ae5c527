/** Characters of a name that is kept; a longer one keeps its beginning and its ending. */
const NAME_LENGTH_MAX = 120;
const ENDING_SHAPE = /\.[A-Za-z0-9]{1,8}$/;
/** Control characters, and what is not seen but changes what is: bidi marks, zero-width characters, lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu;

/**
 * The file's name in a Content-Disposition header (wecom-protocol 4.5): `filename*=UTF-8''…` before a percent-encoded or raw
 * `filename`. Null when there is none. Whoever sent the file chose it, so it comes without folders, control and bidi
 * characters, in at most 120 characters, and is for showing only, never for opening a file. Never throws.
 */
export function fileNameOf(header: string | null | undefined): string | null {
  if (header === null || header === undefined) return null;
  const extended = /;\s*filename\*\s*=\s*"?UTF-8'[^';"]{0,20}'([^;"]*)/i.exec(header)?.[1];
  const quoted = /;\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(header)?.[1]?.replace(/\\(.)/g, "$1");
  const bare = /;\s*filename\s*=\s*([^";\s][^;]*)/i.exec(header)?.[1];
  const given = extended ?? quoted ?? bare;
  return given === undefined ? null : cleanFileName(percentDecoded(utf8OfHeader(given)));
}

/** A name as it may be shown; null when nothing is left of it. */
export function cleanFileName(name: string): string | null {
  const base = name.toWellFormed().replace(UNSEEN, "").split(/[/\\]/).at(-1)?.trim() ?? "";
  if (/^\.*$/.test(base)) return null;
  const characters = Array.from(base);
  if (characters.length <= NAME_LENGTH_MAX) return base;
  const ending = ENDING_SHAPE.exec(base)?.[0] ?? "";
  return `${characters.slice(0, NAME_LENGTH_MAX - ending.length - 1).join("")}…${ending}`;
}

/** Node reads header bytes as Latin-1; servers that write names raw write UTF-8. */
function utf8OfHeader(value: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
