import type { Resolution } from "../../review/case-moves.ts";

/** What stands on cards, in Chinese: they go to the company's own reviewers, whose language WeCom does not tell. */

const CATEGORIES: Readonly<Record<string, string>> = {
  political: "涉政",
  terror_violence: "暴恐",
  hate: "仇恨",
  sexual: "色情",
  minors: "未成年人",
  illegal: "违法",
  cyber: "网络攻击",
  self_harm: "自我伤害",
  insult: "辱骂",
  pii: "个人信息",
  secret: "密码密钥",
  ip_secret: "商业机密",
  misinfo: "不实信息",
  advice: "专业建议",
  injection: "提示注入",
};

const ACTIONS: Readonly<Record<string, string>> = {
  allow: "已放行",
  flag: "已标记",
  redact: "已打码",
  refuse: "已拒绝",
  pause: "已拒绝，暂停使用",
  appeal: "成员申诉",
};

export const RESOLVED: Readonly<Record<Resolution, string>> = {
  confirmed: "已确认违规",
  false_positive: "已放行",
  benign_true_hit: "已判无害",
  duplicate: "已并入他案",
  needs_policy: "策略待补充",
};

export const BUTTONS = { dismiss: "放行", confirm: "确认违规", escalate: "升级" } as const;

export const CARD_TEXTS = {
  source: "应答审核",
  closed: "已自动关闭",
  openConsole: "在审核后台查看",
  textGone: "（原文已按保留期清除，请在后台查看记录。）",
  notAllowed: "你没有审核权限，这张卡片没有变化。需要权限请联系管理员。",
  gone: "这张卡片对应的案件已不存在（可能已按保留期删除），无需再处理。",
  later: "刚才的点击没有记下来，请稍后再点一次，或到审核后台处理。",
  /** When the card itself cannot be changed any more. */
  stands: (caseNumber: string, standing: string) => `案件 ${caseNumber}：${standing}。（卡片已无法更新，以此为准。）`,
  changed: (caseNumber: string) => `案件 ${caseNumber} 有更新，请到审核后台查看后再决定。`,
};

export function categoriesInWords(categories: readonly string[]): string {
  return categories.map((category) => CATEGORIES[category] ?? category).join("、");
}

export function actionInWords(action: string): string {
  return ACTIONS[action] ?? action;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function age(fromMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - fromMs);
  if (ms < MINUTE_MS) return "刚刚";
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} 分钟前`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} 小时前`;
  return `${Math.floor(ms / DAY_MS)} 天前`;
}

const CHINA_OFFSET_MS = 8 * HOUR_MS;

/** `11-24 18:20`, by China's clock as WeCom's own. */
export function moment(atMs: number): string {
  return new Date(atMs + CHINA_OFFSET_MS).toISOString().slice(5, 16).replace("T", " ");
}

export function digestText(digest: {
  counts: ReadonlyMap<string, number>;
  more: boolean;
  atMs: number;
  consoleUrl: string | null;
}): string {
  const { counts, more, atMs, consoleUrl } = digest;
  const severities = [...counts.keys()].sort();
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const each = severities.map((severity) => `${severity} ${counts.get(severity)} 条`).join("，");
  const where = consoleUrl === null ? "请到审核后台处理。" : `请到审核后台处理：${consoleUrl}`;
  // The time also keeps two digests of equal numbers from being one message to WeCom's duplicate check.
  return `【${CARD_TEXTS.source} ${moment(atMs)}】${all} 条${more ? "以上" : ""}新的待审，最高 ${severities[0]}（${each}）。${where}`;
}

/** Numbers named in an alert; the others are counted. */
const NUMBERS_MAX = 10;

export function overdueText(caseNumbers: readonly string[], consoleUrl: string | null): string {
  const named = caseNumbers.slice(0, NUMBERS_MAX).join("、");
  const rest = caseNumbers.length > NUMBERS_MAX ? ` 等 ${caseNumbers.length} 条` : "";
  const where = consoleUrl === null ? "" : `\n${consoleUrl}`;
  return `【${CARD_TEXTS.source}】P0 案件超过 1 小时无人决定：${named}${rest}，请尽快处理。${where}`;
}
