import type { FeedbackRecord, FlagRecord, TurnRecord } from "../../src/review/records.ts";

/** A time of day that no test depends on: 2026-11-02 08:00 UTC. */
export const SAMPLE_TIME_MS = 1_793_606_400_000;

export function sampleTurn(changes: Partial<TurnRecord> = {}): TurnRecord {
  const receivedAtMs = changes.receivedAtMs ?? SAMPLE_TIME_MS;
  return {
    kind: "turn",
    turnId: "app:9223372036854775807",
    traceId: "trace-1",
    conversationId: "app:1000002:ZhangSan",
    channel: "app",
    groupId: null,
    userId: "ZhangSan",
    outcome: "answered",
    question: "请问年假怎么申请？",
    answer: "在人事系统里提交申请，主管审批后生效。",
    errorCode: null,
    model: "qwen",
    endpoint: "http://gpu-1:8000/v1",
    promptTokens: 812,
    answerTokens: 64,
    attempts: 1,
    receivedAtMs,
    startedAtMs: receivedAtMs + 12,
    firstTokenAtMs: receivedAtMs + 340,
    finishedAtMs: receivedAtMs + 2100,
    policyVersion: "2026-11-01",
    flags: [],
    feedbackId: null,
    ...changes,
  };
}

export function sampleFlag(changes: Partial<FlagRecord> = {}): FlagRecord {
  return {
    caseNumber: "C-0001",
    direction: "question",
    severity: "P2",
    action: "flag",
    categories: ["pii", "insult"],
    signals: [
      {
        checker: "lexicon",
        category: "pii",
        confidence: 0.75,
        rule: "pii/phone",
        spans: [
          { start: 0, end: 2 },
          { start: 5, end: 9 },
        ],
      },
    ],
    policyVersion: "2026-11-01",
    text: "我的手机号是 13800000000",
    ...changes,
  };
}

export function sampleFeedback(changes: Partial<FeedbackRecord> = {}): FeedbackRecord {
  return {
    kind: "feedback",
    eventId: "bot:event-1",
    feedbackId: "feedback-1",
    userId: "ZhangSan",
    verdict: "inaccurate",
    reasons: ["wrong", "incomplete"],
    comment: "年假天数不对",
    atMs: SAMPLE_TIME_MS + 60_000,
    ...changes,
  };
}

/** `count` turns of one conversation, a second apart, each with a flag of its own. */
export function sampleTurns(count: number, prefix: string, changes: Partial<TurnRecord> = {}): TurnRecord[] {
  return Array.from({ length: count }, (_, index) =>
    sampleTurn({
      turnId: `${prefix}:${index}`,
      receivedAtMs: SAMPLE_TIME_MS + index * 1000,
      flags: [sampleFlag({ caseNumber: `${prefix}-${index}` })],
      ...changes,
    }),
  );
}
