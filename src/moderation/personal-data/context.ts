import { isDigit, isLetter, NONE, type Reading, unitsOf } from "./reading.ts";

/** Words looked for backwards from a place, by their last unit. Latin ones in lower case match any case. */
export class Words {
  readonly #byLast = new Map<number, string[]>();

  /** `words`: separated by white space. */
  constructor(words: string) {
    for (const word of words.split(/\s+/u).filter((entry) => entry !== "")) {
      const last = word.charCodeAt(word.length - 1);
      const others = this.#byLast.get(last) ?? [];
      this.#byLast.set(
        last,
        [...others, word].sort((one, other) => other.length - one.length),
      );
    }
  }

  /** Length of the longest word that ends right before `end`; 0: none. A Latin word must begin where a word begins. */
  endingAt(text: Reading, end: number): number {
    for (const word of this.#byLast.get(lower(text.at(end - 1))) ?? []) {
      if (this.#matches(text, end - word.length, word)) return word.length;
    }
    return 0;
  }

  /** Whether a word ends in the `unitsMax` units before `at`, in the same line and sentence. */
  before(text: Reading, at: number, unitsMax: number): boolean {
    for (let end = at; end > at - unitsMax; end -= 1) {
      const unit = text.at(end - 1);
      if (unit === NONE || SENTENCE_ENDS.has(unit)) return false;
      if (this.endingAt(text, end) > 0) return true;
    }
    return false;
  }

  /** Whether a word ends in the `unitsMax` units after `at`, in the same line and sentence. */
  after(text: Reading, at: number, unitsMax: number): boolean {
    for (let end = at + 1; end <= at + unitsMax; end += 1) {
      const unit = text.at(end - 1);
      if (unit === NONE || SENTENCE_ENDS.has(unit)) return false;
      const length = this.endingAt(text, end);
      if (length > 0 && end - length >= at) return true;
    }
    return false;
  }

  #matches(text: Reading, from: number, word: string): boolean {
    for (let index = 0; index < word.length; index += 1) {
      if (lower(text.at(from + index)) !== word.charCodeAt(index)) return false;
    }
    return !isLetter(word.charCodeAt(0)) || !isLetter(text.at(from - 1));
  }
}

/** Numbers under these labels are counted, ordered or measured things, whatever they look like. */
export const THING_WORDS = new Words(
  `订单 订单号 订单编号 单号 运单 运单号 快递单号 流水 流水号 交易号 编号 编码 料号 物料 货号 批号 批次 批次号 序列号 型号 条码 条形码 商品码
  工号 学号 工单 工单号 合同号 发票号 发票号码 票号 案号 文号 版本 版本号 时间戳 金额 价格 总价 总额 总计 合计 共计 共 营收 销售额 数量 人口 余额
  端口 会议 会议号 会议室 房间号 分机 分机号 课题号 项目号 标识 主键 哈希 校验和 种子
  isbn issn sku sn s/n no order orderid order_id trackingno tracking ticket id uid ts timestamp time version build commit port qty amount total price meeting`,
);

const SENTENCE_ENDS = unitsOf("\n。！？；;");
const LINKS = unitsOf(" :=#\"'`“”‘’「」【】[]（(）)|*>");
const LINK_WORDS = new Words("是 为 就是 即 is");
const LINK_UNITS_MAX = 8;

/** Where a label right before `at` ends: spaces, colons, quotes and a linking word (卡号是：) are stepped over. */
export function labelEnd(text: Reading, at: number): number {
  let end = skipLinksBack(text, at);
  const link = LINK_WORDS.endingAt(text, end);
  if (link > 0) end = skipLinksBack(text, end - link);
  return end;
}

function skipLinksBack(text: Reading, at: number): number {
  let end = at;
  while (end > at - LINK_UNITS_MAX && LINKS.has(text.at(end - 1))) end -= 1;
  return end;
}

/** Whether one of the words is the label right before `at`. */
export function isLabelled(text: Reading, at: number, words: Words): boolean {
  return words.endingAt(text, labelEnd(text, at)) > 0;
}

export function lower(unit: number): number {
  return unit >= 0x41 && unit <= 0x5a ? unit + 0x20 : unit;
}

/** `.5` or `,500`: the number goes on. `,139…` begins the next one of a list. */
export function fractionAt(text: Reading, at: number): boolean {
  const unit = text.at(at);
  if (unit === 0x2e) return isDigit(text.at(at + 1));
  if (unit !== 0x2c || !isDigit(text.at(at + 1)) || !isDigit(text.at(at + 2))) return false;
  return isDigit(text.at(at + 3)) && !isDigit(text.at(at + 4));
}
