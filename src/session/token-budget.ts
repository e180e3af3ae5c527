/**
 * How many tokens a text is, without a tokenizer, and which turns fit into a budget of them.
 *
 * A tokenizer would be exact for one model only, costs 85 to 180 MB and up to 1.6 s at start; an estimate that errs on
 * the long side is enough here, because a prompt that is a little shorter than it could be is better than one that is
 * refused.
 */

/** Weights are eighths of a token, so that the sums stay integers. */
const EIGHTHS = 8;

/** Rows of GB 2312 by how common the characters are, and the common half of Big5: the characters that people write. */
const GB2312_COMMON = { firstLead: 0xb0, lastLead: 0xd7 };
const GB2312_LESS_COMMON = { firstLead: 0xd8, lastLead: 0xf7 };
const BIG5_COMMON = { firstLead: 0xa4, lastLead: 0xc6 };

const WEIGHTS = unitWeights();

/**
 * An upper estimate of the tokens in `text`, for vocabularies made with Chinese in mind (Qwen, DeepSeek, GLM, o200k).
 * Linear, 5 to 30 ns a character. Add no further margin, but count the chat template's share with
 * `MESSAGE_OVERHEAD_TOKENS`.
 *
 * Measured against Qwen3's own tokenizer over 11,000 texts: Chinese chat +56 %, longer Chinese +74 %, English +66 %,
 * code +112 %, digits +10 %, hashes, keys and base64 +15 to +30 %, punctuation +17 %, emoji and other scripts +100 %
 * and more; none of these came out too low. Known to be too low: Chinese written in pinyin, by up to a fifth, which the
 * surplus of everything else in a prompt covers. For o200k it is +31 % on Chinese chat (one short line in sixty too
 * low), +70 % on English. cl100k, which splits most Chinese characters, needs a sixth more than this for Chinese: give
 * a model with such a vocabulary a smaller MODEL_CONTEXT_TOKENS.
 */
export function estimateTokens(text: string): number {
  let eighths = 0;
  let before = 0;
  let wordLetters = 0;
  let afterConsonant = false;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (isLetter(unit)) {
      const goesOn = continuesWord(before, unit, wordLetters);
      wordLetters = goesOn ? wordLetters + 1 : 1;
      const consonant = !isVowel(unit);
      // Two consonants in a row are where made-up words (keys, hashes, abbreviations) fall apart into many tokens.
      const cluster = goesOn && consonant && afterConsonant && isLower(unit) ? 4 : 0;
      eighths += letterWeight(unit, wordLetters, isAlphanumeric(before)) + cluster;
      afterConsonant = consonant;
    } else if (unit === SPACE) {
      // One space belongs to the word after it; a run of spaces is one token, or few.
      if (before === SPACE) eighths += 1;
      else if (!isLetter(text.charCodeAt(i + 1))) eighths += EIGHTHS;
    } else if (unit < 0x80) {
      eighths += isPunctuation(unit) ? punctuationWeight(before, text.charCodeAt(i + 1)) : EIGHTHS;
    } else {
      eighths += WEIGHTS[unit] ?? EIGHTHS;
    }
    before = unit;
  }
  return Math.ceil(eighths / EIGHTHS);
}

const SPACE = 0x20;

/** `Word`, `WORD`, `word` are one word each; `camelCase` is two. */
function continuesWord(before: number, unit: number, wordLetters: number): boolean {
  if (!isLetter(before)) return false;
  return isLower(before) === isLower(unit) || (isLower(unit) && wordLetters === 1);
}

/** The first four letters of a word are one token, longer words are more; capitals rarely join. */
function letterWeight(unit: number, wordLetters: number, insideToken: boolean): number {
  if (wordLetters === 1) return insideToken ? 12 : EIGHTHS;
  if (!isLower(unit)) return 6;
  return wordLetters <= 4 ? 0 : 3;
}

function punctuationWeight(before: number, next: number): number {
  if (isPunctuation(before)) return 6;
  return isLetter(next) ? 5 : EIGHTHS;
}

function isLower(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

function isLetter(unit: number): boolean {
  return isLower(unit | 0x20) && unit < 0x80;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isAlphanumeric(unit: number): boolean {
  return isLetter(unit) || isDigit(unit);
}

function isPunctuation(unit: number): boolean {
  return unit > SPACE && unit < 0x7f && !isAlphanumeric(unit);
}

function isVowel(letter: number): boolean {
  switch (letter | 0x20) {
    case 0x61: // a
    case 0x65: // e
    case 0x69: // i
    case 0x6f: // o
    case 0x75: // u
      return true;
    default:
      return false;
  }
}

/**
 * Eighths for each UTF-16 unit from U+0080 on. Without a better rule a unit costs its UTF-8 bytes: no byte-level
 * vocabulary needs more.
 */
function unitWeights(): Uint8Array {
  const weights = new Uint8Array(0x10000).fill(3 * EIGHTHS);
  const range = (first: number, last: number, weight: number) => weights.fill(weight, first, last + 1);
  range(0x80, 0x7ff, 2 * EIGHTHS);
  range(0x391, 0x3ce, EIGHTHS); // Greek
  range(0x410, 0x45f, EIGHTHS); // Cyrillic
  range(0x5d0, 0x5ea, EIGHTHS); // Hebrew
  range(0x621, 0x64a, EIGHTHS); // Arabic
  range(0x900, 0x97f, 2 * EIGHTHS); // Devanagari
  range(0xe00, 0xeff, 2 * EIGHTHS); // Thai, Lao
  range(0x2010, 0x2026, EIGHTHS); // dashes, quotation marks, ellipsis
  range(0x3000, 0x303f, 2 * EIGHTHS); // Chinese punctuation, the rare signs
  range(0x3000, 0x3003, EIGHTHS); // 、 。 and their like
  range(0x3008, 0x301f, EIGHTHS); // brackets
  range(0x3041, 0x30ff, 10); // kana
  range(0x4e00, 0x9fff, 3 * EIGHTHS); // Han, the rare ones; the others below
  range(0xac00, 0xd7a3, 2 * EIGHTHS); // Hangul
  range(0xd800, 0xdfff, 2 * EIGHTHS); // half of a surrogate pair: emoji, the rarest Han
  range(0xff01, 0xff5e, EIGHTHS); // full-width forms
  // From U+9200 on even common traditional characters (metals, fish, birds) are three tokens in Qwen3.
  for (const unit of hanOf("big5", BIG5_COMMON, 0x40)) if (unit < 0x9200) weights[unit] = 2 * EIGHTHS;
  for (const unit of hanOf("gb2312", GB2312_LESS_COMMON, 0xa1)) weights[unit] = 2 * EIGHTHS;
  for (const unit of hanOf("gb2312", GB2312_COMMON, 0xa1)) weights[unit] = EIGHTHS;
  return weights;
}

/** The Han characters of some rows of a two-byte encoding, as UTF-16 units. */
function hanOf(encoding: string, rows: { firstLead: number; lastLead: number }, firstTrail: number): number[] {
  const bytes: number[] = [];
  for (let lead = rows.firstLead; lead <= rows.lastLead; lead += 1) {
    for (let trail = firstTrail; trail <= 0xfe; trail += 1) {
      if (trail < 0x7f || trail > 0xa0) bytes.push(lead, trail);
    }
  }
  const decoded = new TextDecoder(encoding).decode(Uint8Array.from(bytes));
  const units: number[] = [];
  for (let i = 0; i < decoded.length; i += 1) {
    const unit = decoded.charCodeAt(i);
    if (unit >= 0x4e00 && unit <= 0x9fff) units.push(unit);
  }
  return units;
}

/** What a chat template adds to every message: role marks and line ends (5 in Qwen3 and Llama 3). */
export const MESSAGE_OVERHEAD_TOKENS = 6;

/** An upper estimate of a whole request's prompt. */
export function estimatePrompt(messages: readonly { content: string }[]): number {
  return messages.reduce((sum, { content }) => sum + estimateTokens(content) + MESSAGE_OVERHEAD_TOKENS, 0);
}

/**
 * How much of the budget is kept when it overflows; the rest is room to grow, and for a summary of what was dropped.
 */
const KEPT_SHARE = 0.5;

/**
 * The newest turns that fit into `budgetTokens`, oldest first, without gaps. One element is one whole turn, question
 * and answer together, so a question is never split from its answer; an answer too long for the budget is left out with
 * everything before it.
 *
 * Turns are dropped in blocks: when the budget overflows, the oldest go until about half of it is used, and then the
 * start stands still for many turns, so that the model server's prefix cache keeps hitting (dropping one turn at a time
 * costs 2.3 times the prefill). The result depends on the list alone, and a caller may forget what was left out: the
 * same start comes out of `[...fitTurns(turns), next]` as of `[...turns, next]`. Give the same budget on every turn,
 * with the question's and the answer's share already taken off: a budget that changes with each question moves the
 * start each time.
 */
export function fitTurns<T extends { tokens: number }>(turns: readonly T[], budgetTokens: number): T[] {
  let first = 0;
  let used = 0;
  for (const [last, turn] of turns.entries()) {
    used += tokensOf(turn);
    // Asked this way round, nothing fits into a budget that is not a number.
    if (used <= budgetTokens) continue;
    while (first < last && !(used <= budgetTokens * KEPT_SHARE)) {
      used -= tokensOf(turns[first]);
      first += 1;
    }
    if (!(used <= budgetTokens)) {
      first = last + 1;
      used = 0;
    }
  }
  return turns.slice(first);
}

/** From this share of the budget on the oldest turns are to be folded into a summary, before the budget cuts them off. */
const FOLD_SHARE = 0.8;

/**
 * How many of the oldest turns to fold into a summary now: those that `fitTurns` has cut off; else, when the budget is nearly
 * full or `turnsMax` nearly reached, as many as leave about half of either. So the start of the history moves once a block,
 * at the moment at which its summary comes. The newest turn is never folded: it may be asked again.
 */
export function turnsToFold(turns: readonly { tokens: number }[], budgetTokens: number, turnsMax: number): number {
  const cutOff = turns.length - fitTurns(turns, budgetTokens).length;
  if (cutOff > 0) return Math.min(cutOff, turns.length - 1);
  let used = turns.reduce((sum, turn) => sum + tokensOf(turn), 0);
  if (used <= budgetTokens * FOLD_SHARE && turns.length <= turnsMax * FOLD_SHARE) return 0;
  let folded = 0;
  while (
    folded < turns.length - 1 &&
    (used > budgetTokens * KEPT_SHARE || turns.length - folded > turnsMax * KEPT_SHARE)
  ) {
    used -= tokensOf(turns[folded]);
    folded += 1;
  }
  return folded;
}

/** Stands where something was left out. */
const LEFT_OUT = "\n……\n";

/** The text's beginning and end within so many tokens, the middle left out where it does not fit. */
export function cutMiddle(text: string, tokensMax: number): string {
  if (estimateTokens(text) <= tokensMax) return text;
  const cut = (units: number): string => {
    const head = Math.ceil((units * 2) / 3);
    return `${text.slice(0, head)}${LEFT_OUT}${text.slice(text.length - (units - head))}`.toWellFormed();
  };
  let fits = 0;
  let tooMany = text.length;
  while (tooMany - fits > 1) {
    const units = Math.floor((fits + tooMany) / 2);
    if (estimateTokens(cut(units)) <= tokensMax) fits = units;
    else tooMany = units;
  }
  return fits === 0 ? "" : cut(fits);
}

/**
 * A count that cannot be true, as from a damaged record, fits nowhere, so it can never let a prompt grow past the
 * model's window.
 */
function tokensOf(turn: { tokens: number } | undefined): number {
  const tokens = turn?.tokens ?? 0;
  return tokens >= 0 ? tokens : Number.POSITIVE_INFINITY;
}
