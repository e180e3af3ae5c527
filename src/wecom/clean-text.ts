/** Control characters but tab and line feed; `\r\n` becomes `\n` before. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** What nobody sees and some JSON readers refuse: C1 controls, the byte order mark, private use areas, noncharacters. */
const ODD = /[\u0080-\u009f\ufeff\p{Co}\p{Noncharacter_Code_Point}]/gu;

/**
 * Text as WeCom takes it. `JSON.stringify` writes control characters and lone surrogates as `\uXXXX`, which WeCom's
 * API refuses with 40033 (wecom-protocol 3.8), so the first are left out and the second become U+FFFD. Idempotent; the
 * text never grows beyond the UTF-8 bytes it had.
 */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\r\n", "\n").replace(CONTROLS, "");
}

/** The second try after a 40033 in spite of `cleanText`: everything goes that could still be escaped on the way. */
export function cleanTextHard(text: string): string {
  return cleanText(text).replace(ODD, "");
}
