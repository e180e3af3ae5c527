import { isLabelled, Words } from "./context.ts";
import { hanDigit } from "./digits.ts";
import type { Match } from "./match.ts";
import { placeNameAt } from "./places.ts";
import { isAlnum, isDigit, isHan, type Reading, unitsOf } from "./reading.ts";

/** An address is read this far at most. */
const ADDRESS_UNITS_MAX = 64;
/** With no district, road or number for so long, it is ordinary prose that names a town. */
const STEP_UNITS_MAX = 14;
const NUMBER_UNITS_MAX = 10;
const ROOM_UNITS_MAX = 5;
const HOME_WORDS = new Words(
  "收货地址 收件地址 寄件地址 邮寄地址 快递地址 寄送地址 送货地址 通讯地址 联系地址 家庭地址 家庭住址 居住地址 现住址 住址 户籍地址 住在 家住 寄到 寄往 邮寄到 送到 发货到 地址",
);
const WAYS = new Words("路 街 大道 道 巷 弄 胡同 里 村 庄 园 苑 组 屯 社区 小区");
const DISTRICTS = unitsOf("省市区县州盟旗镇乡村街路道巷弄园苑城府湾庭里厦庄屯社");
const SIGNS_INSIDE = unitsOf(" -#()（）、·");
const HOUSE = new Words("号 弄");
const BUILDING = new Words("栋 幢 座 号楼 单元 组团");
const ROOM = new Words("室 房 户");
/** Every shop has one: it tells a door only where the text says that somebody lives or receives there. */
const FLOOR = new Words("楼 层 门");
/** The last characters of those words. */
const MEASURES = unitsOf("号弄栋幢座楼元团室房户层门");
const TEN = 0x5341;

/** A dwelling or desk: road and house number, and building or room; a word such as 收货地址 makes up for one of them. */
export function addressAt(text: Reading, at: number): Match | undefined {
  const labelled = isLabelled(text, at, HOME_WORDS);
  // Behind 市 or 区 the address has begun before: 广东省深圳市.
  const begins = labelled || (!DISTRICTS.has(text.at(at - 1)) && placeNameAt(text, at) > 0);
  return begins ? readAddress(text, at, labelled) : undefined;
}

/** `886号27栋1811室` behind a road whose town was not said: the number is what tells the door. */
export function houseNumberAt(text: Reading, at: number): Match | undefined {
  if (isAlnum(text.at(at - 1))) return undefined;
  const labelled = isLabelled(text, at, HOME_WORDS);
  return labelled || WAYS.endingAt(text, at) > 0 ? readAddress(text, at, labelled) : undefined;
}

/** `labelled`: told to be where somebody lives or receives something. */
function readAddress(text: Reading, at: number, labelled: boolean): Match | undefined {
  let house = false;
  let building = false;
  let room = false;
  let to = at;
  let lastStep = at;
  for (let index = at; index < at + ADDRESS_UNITS_MAX && index - lastStep <= STEP_UNITS_MAX; ) {
    const unit = text.at(index);
    if (!(isHan(unit) || isAlnum(unit) || SIGNS_INSIDE.has(unit))) break;
    index += 1;
    if (DISTRICTS.has(unit)) lastStep = index;
    if (!MEASURES.has(unit)) continue;
    if (counts(text, index, BUILDING)) building = true;
    else if (counts(text, index, ROOM) || (labelled && counts(text, index, FLOOR))) room = true;
    else if (counts(text, index, HOUSE) && isBehindWay(text, index - 1)) house = true;
    else continue;
    to = index;
    lastStep = index;
  }
  const told = labelled ? house || (building && room) : (house && (building || room)) || (building && room);
  if (!told) return undefined;
  if (building && !room) to = roomEnd(text, to);
  return { kind: "address", confidence: labelled ? 0.95 : 0.85, from: at, to };
}

/** 2栋501: the room without its measure word. A longer number is something else, a phone for one. */
function roomEnd(text: Reading, from: number): number {
  let to = from;
  while (to <= from + ROOM_UNITS_MAX && isAlnum(text.at(to))) to += 1;
  return to - from <= ROOM_UNITS_MAX ? to : from;
}

/** Whether a measure word ends at `end` and counts something: 27栋, 三单元, A座. */
function counts(text: Reading, end: number, words: Words): boolean {
  const length = words.endingAt(text, end);
  const gap = text.at(end - length - 1) === 0x20 ? 1 : 0;
  const before = text.at(end - length - gap - 1);
  return length > 0 && (isAlnum(before) || hanDigit(before) !== undefined || before === TEN);
}

/** Whether the number that ends at `end` stands behind a road, lane or village. */
function isBehindWay(text: Reading, end: number): boolean {
  let index = end;
  while (index > end - NUMBER_UNITS_MAX && isNumberUnit(text.at(index - 1))) index -= 1;
  return WAYS.endingAt(text, index) > 0;
}

function isNumberUnit(unit: number): boolean {
  return isDigit(unit) || unit === 0x2d || unit === 0x20 || unit === TEN || hanDigit(unit) !== undefined;
}
