import type { GuardKind } from "./guard.ts";

export interface GuardLimits {
  /** Time for judging a question, the second try included. Longer, and the answer's first word would wait for it. */
  questionMs: number;
  /** Time for judging a part of an answer. Longer, and text that streams would pile up behind the gate. */
  answerMs: number;
  /** Requests for a judgement, the first included: retries must not be what keeps a busy guard busy. A probe has one. */
  triesMax: number;
  /** Judgements under way at once in this process; more fail at once, so that a slow guard does not gather a crowd. */
  inFlightMax: number;
  /** Longest question, UTF-16 units. A unit is at most three tokens of a byte-level vocabulary: 24,000 of 32,768. */
  questionUnitsMax: number;
  /** Longest part of an answer with its context, UTF-16 units. As above. */
  answerUnitsMax: number;
  /** Longest question beside an answer, UTF-16 units: enough to say what the answer is about. */
  contextUnitsMax: number;
  /** Longest reply that is read. A verdict with its log-probabilities has some KiB; a runaway one must not fill memory. */
  replyBytesMax: number;
  /** So many failures among the last `outcomesMax` outcomes, all within `failuresWithinMs`, open the breaker. */
  failuresToOpen: number;
  /** Outcomes that the breaker looks at: a busy guard that fails one in a hundred is not left alone. */
  outcomesMax: number;
  failuresWithinMs: number;
  /** From opening, or from a failed probe, to the next single probe. */
  openMs: number;
}

const LIMITS: GuardLimits = {
  questionMs: 1_500,
  answerMs: 800,
  triesMax: 2,
  inFlightMax: 64,
  questionUnitsMax: 8_000,
  answerUnitsMax: 8_000,
  contextUnitsMax: 500,
  replyBytesMax: 256 * 1024,
  failuresToOpen: 5,
  outcomesMax: 10,
  failuresWithinMs: 30_000,
  openMs: 15_000,
};

/** A chat model reads a page of instructions and writes a JSON object, perhaps after some thought: some fifty tokens more. */
const JUDGE_TIMES = { questionMs: 5_000, answerMs: 3_000 };

/** The limits of a kind, with those replaced that `own` names. */
export function limitsOf(kind: GuardKind, own: Partial<GuardLimits> = {}): GuardLimits {
  return { ...LIMITS, ...(kind === "judge" ? JUDGE_TIMES : {}), ...own };
}
