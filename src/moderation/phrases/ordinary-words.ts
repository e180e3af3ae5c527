import { type FoldedView, textOf } from "../text/view.ts";

/**
 * Tells an ordinary pair of characters from one that only makes sense when it is listened to. 家政 sounds like 假证, but it is
 * a word; the 西前 of 东西前面 is the end of one and the beginning of another; 佳证 is nothing. The words are those of the
 * dictionary that Node brings along (ICU); another version of it may draw a line elsewhere.
 */

/** Characters on either side of a pair that are looked at with it: what a word takes from its neighbours is short. */
const MARGIN_UNITS = 2;
/** Answers kept, since a text repeats its words and cutting costs microseconds. */
const REMEMBERED_MAX = 16_384;

/** Pairs of office and trade that the dictionary is too old for. */
const RECENT_WORDS = new Set(
  `密钥 公钥 私钥 微信 网购 点赞 扫码 群聊 云盘 网盘 截图 截屏 图标 弹窗 域名 后端 算力 运维 复盘 对齐 调休 团建 月报 工单 客单 拉新 竞品
变现 数仓 中台 灰度 熔断 限流 网关 镜像 回滚 压测 联调 提测 封装 缓存 发版 排期 甲方 乙方 立项 结项 开票 对账 结账 出纳 社保 公积 五险 工位
工牌 补卡 签到 入职 转正 内推 猎头 背调 薪资 期权 尽调 标书 合规 风控 内控 质检 品控 良率 产能 排产 备料 打样 试产 客诉 倒班 群发 私聊 公号
网红 主播 拼团 秒杀 团购 外卖 网约 充值 提现 刷脸 锁屏 解锁 重启 卸载 内网 外网 宽带 基站 路由 云端 线程 协程 死锁 数组 链表 哈希 递归 调试
断点 报错 文档 抄送 待办 甘特 燃尽 站会 周会 晨会 早会 月会 年会 财报 净利 营收 应收 税点 进项 销项 专票 普票 询价 盘点 出库 入库 发货 收货
退货 换货 仓储 冷链 签收 售前 售中 售后 客服 话术 外呼 呼入 转接 回访 私域 公域 获客 点击 涨粉 掉粉 热搜 人设 种草 带货 选品 供货 件人 发件`.split(
    /\s/u,
  ),
);

const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

const remembered = new Map<string, boolean>();

/**
 * Whether the two neighbouring folded units `at` and `at + 1` lie in one word, or in words that go on to the left or right of
 * them. Depends on a few units around them alone.
 */
export function isOrdinary(folded: FoldedView, at: number): boolean {
  const pair = String.fromCharCode(folded.units[at] ?? 0, folded.units[at + 1] ?? 0);
  if (RECENT_WORDS.has(pair) || recall(pair, () => isOneWord(pair))) return true;
  const before = Math.min(MARGIN_UNITS, at);
  const around = textOf(folded, at - before, Math.min(folded.length, at + 2 + MARGIN_UNITS));
  return recall(`${before}${around}`, () => isPartOfWords(around, before));
}

function recall(key: string, answer: () => boolean): boolean {
  const known = remembered.get(key);
  if (known !== undefined) return known;
  // Forgetting all at once keeps the limit with no bookkeeping.
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  const answered = answer();
  remembered.set(key, answered);
  return answered;
}

function isOneWord(pair: string): boolean {
  return segmenter.segment(pair).containing(0)?.segment === pair;
}

function isPartOfWords(text: string, at: number): boolean {
  const words = segmenter.segment(text);
  const one = words.containing(at)?.segment ?? "";
  const other = words.containing(at + 1)?.segment ?? "";
  return one.length > 1 || other.length > 1;
}
