/**
 * The hand-made part of the fold: characters that stand in for others. Every entry is written as the stand-in followed
 * by what it stands for. Small on purpose: a table of all Unicode confusables folds ordinary Chinese into itself.
 */

/** Letters that look like Latin ones and that NFKD leaves alone: Cyrillic, Greek, small capitals, others; then digits in discs. */
const LOOKALIKES = `
Аa Вb Еe Ѕs Іi Јj Кk Мm Нh Оo Рp Сc Тt Уy Хx Ѵv Ԁd Ԛq Ԝw
аa вb еe кk мm нh тt ѕs іi јj оo рp сc уy хx ѵv ԁd ԛq ԝw һh ӏl
Αa Βb Εe Ζz Ηh Ιi Κk Μm Νn Οo Ρp Τt Υy Χx
αa ιi κk νv οo ρp τt υu χx ϳj
ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz
ɑa ɡg ıi ȷj łl øo đd ħh ŧt ƒf ßss æae œoe ðd þth
❶1 ❷2 ❸3 ❹4 ❺5 ❻6 ❼7 ❽8 ❾9 ➊1 ➋2 ➌3 ➍4 ➎5 ➏6 ➐7 ➑8 ➒9
`;

/** Pictures used for the character they show. */
const PICTURES = "🎰赌 🎲赌 💰钱 💵钱 💴钱 🧊冰 💊药 🔫枪 💣炸弹 🔪刀 🎱彩 💉针 🩸血 🐴马 🚬烟";

/** Runs of 26 letters that NFKD leaves alone: first code point of each run. */
const LETTER_RUNS = [0x1f150 /* 🅐 */, 0x1f170 /* 🅰 */, 0x1f1e6 /* regional indicators 🇦 */];

/**
 * Characters written as their parts side by side (拆字): parts, then the whole. Pairs that stand next to each other in
 * ordinary words (妇女支持, 原因及, 千里) are left out.
 */
const SPLITS = `
贝者赌 木仓枪 弓单弹 火乍炸 龶母毒 亻段假 亻叚假 言正证 讠正证 言乍诈 讠乍诈 氵先洗 钅戋钱 金戋钱 礻果裸 衤果裸
耳卯聊 冫水冰 马扁骗 女票嫖 女昌娼 贝各赂 贝有贿 贝反贩 石欠砍 歹匕死 朿刂刺 害刂割 扌仓抢 扌另拐 纟邦绑
木亥核 钅由铀 石比砒 石肖硝 弓畺疆 艹约药 氵肖消 亻弋代 彡采彩 采彡彩
`;

/** Strokes and radicals that are written between characters as ornament (卖丶淫). */
export const ORNAMENTS = "丶丨丿乀乁亅灬";

function entries(table: string): [string, string][] {
  return table
    .split(/\s+/u)
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [first = "", ...rest] = entry;
      return [first, rest.join("")];
    });
}

/** Stand-in → what it stands for, one or more characters. */
export const STAND_INS: ReadonlyMap<string, string> = new Map([
  ...entries(LOOKALIKES),
  ...entries(PICTURES),
  ...LETTER_RUNS.flatMap((first) =>
    Array.from({ length: 26 }, (_, index): [string, string] => [
      String.fromCodePoint(first + index),
      String.fromCharCode(0x61 + index),
    ]),
  ),
]);

/** First part → second part → whole, as code units. All of them are in the Basic Multilingual Plane. */
export const WHOLE_OF_PARTS: ReadonlyMap<number, ReadonlyMap<number, number>> = wholeOfParts();

function wholeOfParts(): Map<number, Map<number, number>> {
  const byFirst = new Map<number, Map<number, number>>();
  for (const entry of SPLITS.split(/\s+/u).filter((text) => text !== "")) {
    const first = entry.charCodeAt(0);
    const bySecond = byFirst.get(first) ?? new Map<number, number>();
    byFirst.set(first, bySecond.set(entry.charCodeAt(1), entry.charCodeAt(2)));
  }
  return byFirst;
}
