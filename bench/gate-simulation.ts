import { gate } from "../src/conversation/output-gate.ts";
import type { ChatEvent } from "../src/llm/chat-model.ts";
import type { Guard } from "../src/moderation/guard/guard.ts";
import { createModerator } from "../src/moderation/moderator.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";
import { VirtualClock } from "../test/support/virtual-clock.ts";

/**
 * The real gate between a scripted model and a scripted guard, on a clock of its own. The model writes 64 characters a second;
 * the guard takes 60 ms and 0.08 ms a character; harm begins somewhere in the answer, or not at all, and a perfect guard
 * recognises it once it has read 20 characters of it.
 */
export const MODEL_UNITS_PER_SECOND = 64;
const DELTA_UNITS = 2;
const ANSWER_UNITS = 800;
const FIRST_TOKEN_MS = 300;
const GUARD_BASE_MS = 60;
const GUARD_MS_PER_UNIT = 0.08;
const RECOGNISABLE_UNITS = 20;
const HARM = "乙";

export interface GateRunResult {
  firstShownMs: number | null;
  endedMs: number;
  /** The same without a gate. */
  modelFirstMs: number;
  modelEndedMs: number;
  harmfulShown: number;
  guardCalls: number;
  outcome: "withheld" | "answered";
}

export interface GateRunOptions {
  /** Where harm begins; null: nowhere. */
  harmAt: number | null;
  /** Harm that a word list knows, instead of one that only a guard can judge. */
  listed?: string;
  guarded: boolean;
  /** How much slower the guard is. */
  slowness?: number;
}

export async function runGate({ harmAt, listed, guarded, slowness = 1 }: GateRunOptions): Promise<GateRunResult> {
  const clock = new VirtualClock();
  const text = answerWith(harmAt, listed);
  const guard = scriptedGuard(clock, slowness);
  const moderator = createModerator({ policy: POLICY, guard: guarded ? guard : null });
  const signal = new AbortController().signal;
  const context = { direction: "answer", audience: "internal", traceId: "bench", signal } as const;
  const result: GateRunResult = {
    firstShownMs: null,
    endedMs: 0,
    modelFirstMs: FIRST_TOKEN_MS,
    modelEndedMs: FIRST_TOKEN_MS + (text.length / MODEL_UNITS_PER_SECOND) * 1000,
    harmfulShown: 0,
    guardCalls: 0,
    outcome: "answered",
  };
  const events = gate({
    ask: (upstream) => scriptedModel(text, clock, upstream),
    checker: moderator.openStream("写一篇介绍", context),
    question: guarded ? clock.sleep(GUARD_BASE_MS).then(() => moderator.check("写一篇介绍", context)) : null,
    clock,
    signal,
  });
  const follow = async (): Promise<void> => {
    for await (const event of events) {
      if (event.type === "withhold") result.outcome = "withheld";
      if (event.type !== "show") break;
      result.firstShownMs ??= clock.nowMs();
      const harmful = harmAt === null ? 0 : event.text.length - harmAt;
      result.harmfulShown = Math.max(result.harmfulShown, harmful);
    }
    result.endedMs = clock.nowMs();
  };
  await clock.run(follow());
  return { ...result, guardCalls: guard.calls };
}

const POLICY = loadPolicy(undefined);

/** Sentences of office prose, of changing length, with the harm from `harmAt` to the end. */
function answerWith(harmAt: number | null, listed: string | undefined): string {
  let text = "";
  for (let n = 0; text.length < ANSWER_UNITS; n += 1) {
    text += `第${n + 1}点，${"我们把本周的进展和下周的安排写清楚".slice(0, 6 + ((n * 7) % 12))}。`;
  }
  text = text.slice(0, ANSWER_UNITS);
  if (harmAt === null) return text;
  const harm = listed ?? HARM.repeat(ANSWER_UNITS);
  return text.slice(0, harmAt) + harm + (listed === undefined ? "" : text.slice(harmAt + harm.length));
}

async function* scriptedModel(text: string, clock: VirtualClock, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  await clock.sleep(FIRST_TOKEN_MS, signal);
  for (let from = 0; from < text.length; from += DELTA_UNITS) {
    yield { type: "text", text: text.slice(from, from + DELTA_UNITS) };
    await clock.sleep((DELTA_UNITS / MODEL_UNITS_PER_SECOND) * 1000, signal);
  }
  const result = { finishReason: "stop", model: "scripted", endpoint: "bench", firstTokenMs: FIRST_TOKEN_MS } as const;
  yield { type: "end", result };
}

function scriptedGuard(clock: VirtualClock, slowness: number): Guard & { calls: number } {
  return {
    calls: 0,
    health: () => ({ endpoint: "scripted", ok: true }),
    async judge({ answer = "", signal }) {
      this.calls += 1;
      const tookMs = (GUARD_BASE_MS + GUARD_MS_PER_UNIT * answer.length) * slowness;
      await clock.sleep(tookMs, signal);
      const harmful = answer.split(HARM).length - 1 >= RECOGNISABLE_UNITS;
      return { level: harmful ? "unsafe" : "safe", categories: harmful ? ["cyber"] : [], model: "scripted", tookMs };
    },
  };
}
