import { caseNumberOf } from "../src/conversation/case-number.ts";
import type { FlagRecord, TurnRecord } from "../src/review/records.ts";

/**
 * Made-up records for the `console` benchmark: members of a company, what they ask, and what of it is flagged. The same
 * numbers give the same records. Texts are harmless; what the figures depend on is how often each word occurs.
 */

export const MEMBERS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** How often a word of the searches occurs in flags: about one in 500, in 20, in 2. */
export const SEARCHED = { rare: "琥珀", some: "报价", common: "合同" };
/** In every fourth of the conversations that are over long ago, and in none of the last weeks. */
export const EARLY = "琉璃";
/** Each in every fourth conversation, never both in one. */
export const APART = ["水晶", "玛瑙"] as const;

const TOPICS = "会议纪要 采购申请 客户名单 工资条目 服务器 培训计划 差旅报销 项目预算 竞品分析 招聘启事".split(" ");
const DEEDS = "整理 翻译 总结 改写 检查 发送 公开 导出 比较 解释 估算 核对 删除 备份".split(" ");
const MANNERS = "尽快 不要让主管知道 用英文 按部门 分成三条 附上来源 不超过两百字 写得客气一点 照原样".split(" ");
const CATEGORIES = ["spam", "insult", "personal_data", "prompt_attack", "trade_secret"];
/** In one case of about two hundred: a filter that has to look far. */
export const RARE_CATEGORY = "copyright";

/** Whether the conversation is of those that happened only long ago. */
function isEarly(index: number): boolean {
  return index % 4 === 1;
}

export function memberId(index: number): string {
  return `member-${String(index % MEMBERS).padStart(4, "0")}`;
}

/** Turns of one conversation, of which one to three next to each other are flagged: one case. */
export function conversationOf(index: number, atMs: number): TurnRecord[] {
  const random = randomFrom(index);
  const flagged = [1, 1, 2, 1, 3][index % 5] ?? 1;
  const group = index % 3 === 2 ? `group-${index % 97}` : null;
  const kind = isEarly(index) ? "bench-early" : "bench";
  const mark = ["", EARLY, ...APART][index % 4] ?? "";
  const userId = memberId(Math.floor(random() * MEMBERS));
  return Array.from({ length: flagged + 4 }, (_, place) => {
    const turnId = `bench:${index}:${place}`;
    const receivedAtMs = atMs + place * MINUTE_MS;
    const turn: TurnRecord = {
      ...plainTurn(random, mark),
      turnId,
      traceId: `trace:${index}:${place}`,
      conversationId: `${group === null ? "app" : "bot"}:${kind}:${index}`,
      channel: group === null ? "app" : "bot",
      groupId: group,
      userId,
      receivedAtMs,
      startedAtMs: receivedAtMs + 12,
      firstTokenAtMs: receivedAtMs + 200 + Math.floor(random() * 1_500),
      finishedAtMs: receivedAtMs + 4_000,
    };
    if (place < 2 || place >= 2 + flagged) return turn;
    return { ...turn, outcome: "refused", flags: [flagOf(turn, index, random)] };
  });
}

/** The member objects to how their case was decided. */
export function appealOf(index: number, caseNumber: string, flagged: TurnRecord, atMs: number): TurnRecord {
  const turnId = `bench:${index}:appeal`;
  const question = "/appeal 这是工作需要";
  const signal = { checker: "member", category: "appeal", confidence: 1, rule: `appeal:${caseNumber}`, spans: [] };
  return {
    ...flagged,
    turnId,
    traceId: `trace:${index}:appeal`,
    outcome: "command",
    question,
    answer: "已转给同事复核。",
    receivedAtMs: atMs,
    startedAtMs: atMs,
    firstTokenAtMs: null,
    finishedAtMs: atMs + 10,
    flags: [
      {
        caseNumber: caseNumberOf(turnId, "appeal"),
        direction: "question",
        severity: "P3",
        action: "appeal",
        categories: ["appeal"],
        signals: [signal],
        policyVersion: flagged.policyVersion,
        text: question,
      },
    ],
  };
}

/** When the conversation of this number was: the day before this moment, evenly. */
export function timeOf(index: number, count: number, untilMs: number): number {
  return untilMs - 60 * MINUTE_MS - Math.floor(((count - index) / count) * DAY_MS);
}

function plainTurn(random: () => number, mark: string) {
  return {
    kind: "turn" as const,
    outcome: "answered" as const,
    question: mark + sentence(random),
    answer: Array.from({ length: 3 }, () => sentence(random)).join("\n"),
    errorCode: null,
    model: "bench-model",
    endpoint: "http://gpu-1:8000/v1",
    promptTokens: 300 + Math.floor(random() * 500),
    answerTokens: 40 + Math.floor(random() * 200),
    attempts: 1,
    policyVersion: "bench-1",
    flags: [],
    feedbackId: null,
  };
}

function flagOf(turn: TurnRecord, index: number, random: () => number): FlagRecord {
  const direction = index % 4 === 3 ? "answer" : "question";
  const text = direction === "question" ? turn.question : turn.answer;
  const category = index % 200 === 77 ? RARE_CATEGORY : one(CATEGORIES, random);
  const share = random();
  return {
    caseNumber: caseNumberOf(turn.turnId, direction),
    direction,
    severity: share < 0.03 ? "P0" : share < 0.15 ? "P1" : share < 0.6 ? "P2" : "P3",
    action: share < 0.15 ? "refuse" : "flag",
    categories: [category],
    signals: [
      {
        checker: "lexicon",
        category,
        confidence: Math.round((0.5 + random() / 2) * 1_000) / 1_000,
        rule: `${category}/words`,
        spans: [{ start: 0, end: 2 }],
      },
    ],
    policyVersion: turn.policyVersion,
    confidence: Math.round((0.5 + random() / 2) * 1_000) / 1_000,
    audience: index % 7 === 0 ? "external" : "internal",
    text,
  };
}

function sentence(random: () => number): string {
  const share = random();
  const subject = share < 0.5 ? SEARCHED.common : share < 0.55 ? SEARCHED.some : share < 0.552 ? SEARCHED.rare : "";
  const number = Math.floor(random() * 100_000);
  return `请帮我把${subject}${one(TOPICS, random)}${one(DEEDS, random)}一下，${one(MANNERS, random)}，编号 ${number}。`;
}

function one(words: readonly string[], random: () => number): string {
  return words[Math.floor(random() * words.length)] ?? "";
}

/** 0 to 1, the same row of numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
