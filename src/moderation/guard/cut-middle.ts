/** Stands where text was taken out, so that head and tail do not join to words that nobody wrote. */
const CUT = "\n[…]\n";
/** Of what is kept: the beginning says what it is about, the end what it comes to (moderation research 2.2). */
const HEAD_SHARE = 0.6;

/**
 * At most `unitsMax` UTF-16 units of the text, cut from the middle on code point boundaries; 60 % is head, 40 % tail. Lone
 * surrogates become U+FFFD. Nothing else is changed.
 */
export function cutMiddle(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text.toWellFormed();
  const room = Math.max(0, unitsMax - CUT.length);
  const headUnits = Math.floor(room * HEAD_SHARE);
  const tailUnits = room - headUnits;
  const headEnd = splitsPair(text, headUnits) ? headUnits - 1 : headUnits;
  const tailFrom = text.length - tailUnits;
  const head = text.slice(0, headEnd);
  const tail = text.slice(splitsPair(text, tailFrom) ? tailFrom + 1 : tailFrom);
  return `${head}${CUT}${tail}`.slice(0, unitsMax).toWellFormed();
}

function splitsPair(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
