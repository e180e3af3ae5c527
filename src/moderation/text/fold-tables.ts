import { MARTIAN_STAND_INS } from "./martian-script.ts";

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
ɑa ɡg ıi ȷj łl øo đd ħh ŧt ƒf ßss æae œoe ðd þth ʋv ɩi ɾr
օo սu հh ոn յj ցg զq Սu Տs Օo Լl
Ꭺa Ᏼb Ꮯc Ꭰd Ꭼe Ꮐg Ꮋh Ꭵi Ꭻj Ꮶk Ꮮl Ꮇm Ꮲp Ꮢr Ꮪs Ꭲt Ꮩv Ꮃw Ꮍy Ꮓz
❶1 ❷2 ❸3 ❹4 ❺5 ❻6 ❼7 ❽8 ❾9 ➊1 ➋2 ➌3 ➍4 ➎5 ➏6 ➐7 ➑8 ➒9
`;

/** Pictures used for the character they show. */
const PICTURES = "🎰赌 🎲赌 💰钱 💵钱 💴钱 🧊冰 💊药 🔫枪 💣炸弹 🔪刀 🎱彩 💉针 🩸血 🐴马 🚬烟";

/** Runs of 26 letters that NFKD leaves alone: first code point of each run. */
const LETTER_RUNS = [0x1f150 /* 🅐 */, 0x1f170 /* 🅰 */, 0x1f1e6 /* regional indicators 🇦 */];

/**
 * Characters written as their parts side by side (拆字): parts, then the whole. Pairs that stand next to each other in
 * ordinary words (妇女支持, 原因及, 千里) are left out; where one part is a mere radical, nothing ordinary is met.
 */
const SPLITS = `
贝者赌 木仓枪 弓单弹 火乍炸 龶母毒 亻段假 亻叚假 言正证 讠正证 言乍诈 讠乍诈 氵先洗 钅戋钱 金戋钱 礻果裸 衤果裸
耳卯聊 冫水冰 马扁骗 女票嫖 女昌娼 贝各赂 贝有贿 贝反贩 石欠砍 歹匕死 朿刂刺 害刂割 扌仓抢 扌另拐 纟邦绑
木亥核 钅由铀 石比砒 石肖硝 弓畺疆 艹约药 氵肖消 亻弋代 彡采彩 采彡彩 片反版 月卖卖 十买卖
亻弗佛 亻昔借 亻介价 亻言信 亻专传 亻故做 亻乍作 亻本体 亻半伴 亻扁偏 亻尔你 亻门们 亻也他 亻牛件 亻吏使 亻方仿 亻俞偷
氵去法 氵每海 氵由油 氵舌活 氵主注 氵世泄 氵又汉 氵皮波 氵西洒 氵区沤 氵夬决 氵青清 氵农浓 氵骨滑 氵贵溃 氵票漂
讠舌话 讠兑说 讠式试 讠果课 讠寺诗 讠己记 讠吾语 讠午许 讠方访 讠仑论 讠青请 讠周调 讠扁谝 讠秀诱 讠化讹 讠胃谓
钅艮银 钅同铜 钅失铁 钅肖销 钅昔错 钅弟锑 钅甫铺 钅当铛 钅卜钋 钅不钚
扌丁打 扌巴把 扌殳投 扌支技 扌包抱 扌斤折 扌戈找 扌安按 扌莫摸 扌爪抓 扌奂换 扌空控 扌高搞 扌少抄 扌柬拣 扌罙探
忄青情 忄生性 忄不怀 忄夬快 忄白怕 忄艮恨 忄贯惯 纟工红 纟合给 纟录绿 纟己纪 纟及级 纟吉结 纟各络 纟且组 纟冬终 纟色绝
礻土社 礻申神 礻畐福 礻兄祝 礻见视 衤皮被 衤库裤 衤君裙 艹早草 艹化花 艹田苗 艹采菜 疒丙病 疒冬疼 疒甬痛 疒知痴
犭句狗 犭者猪 犭苗猫 犭良狼 犭虫独 犭王狂 饣反饭 饣官馆 饣包饱 饣交饺 辶斤近 辶反返 辶兆逃 辶束速 辶甬通 辶井进 辶米迷
另刂别 禾刂利 至刂到 半刂判 亥刂刻 居刂剧 亻到倒 正攵政 古攵故 贝攵败 孝攵教 工攵攻 求攵救 每攵敏
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
  ...MARTIAN_STAND_INS,
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
