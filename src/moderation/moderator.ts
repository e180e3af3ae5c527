import { setImmediate as nextTick } from "node:timers/promises";
import { codeOf } from "../base/errors.ts";
import type { Classifier } from "./classifier/classifier.ts";
import { decide } from "./decide.ts";
import type { Guard, GuardJudgement, GuardRequest } from "./guard/guard.ts";
import { bareValue, LocalCheck, TEXT_UNITS_MAX } from "./local-check.ts";
import { type Language, pausedText, refusalOf, restrictedText } from "./messages.ts";
import { PersonalScan } from "./personal-data/personal-scan.ts";
import type { Policy } from "./policy/policy.ts";
import {
  forbids,
  type ModerationContext,
  type Moderator,
  redacted,
  type Signal,
  type Span,
  type StreamChecker,
  type Verdict,
} from "./verdict.ts";

/** Read between two turns of the event loop, so that a long text holds nobody else up for more than some 20 ms, even a hostile one. */
const SLICE_UNITS = 4 * 1024;
/** How much of the answer before a window the guard reads with it: harm that is spread over sentences shows only together. */
const WINDOW_CONTEXT_UNITS = 200;
/** The question beside a window; its beginning says what it is about. */
const WINDOW_QUESTION_UNITS = 500;
/** A whole answer for the final check; the guard's adapter cuts further where its model's window is smaller. */
const WHOLE_ANSWER_UNITS = 6_000;

export interface ModeratorParts {
  policy: Policy;
  guard?: Guard | null;
  classifier?: Classifier | null;
  /** Hears of a checker that broke; the text is then treated by the policy's `faults`. The error quotes no text. */
  onFault?: (error: unknown) => void;
}

/** A moderator whose policy can be exchanged while it works. */
export interface LiveModerator extends Moderator {
  /** Everything judged from now on is judged by this policy; a text whose check has begun keeps its own. */
  usePolicy(policy: Policy): void;
}

/** Judges by the policy's words and rules, personal data and style in this process, and by a guard model where there is one. */
export function createModerator(parts: ModeratorParts): LiveModerator {
  const { guard = null, classifier = null, onFault = () => {} } = parts;
  let { policy } = parts;
  const local = () => ({ policy, classifier, onFault });

  return {
    get policyVersion() {
      return policy.version;
    },
    get settings() {
      return policy;
    },
    usePolicy(next) {
      policy = next;
    },

    async check(text, context) {
      const check = new LocalCheck(local(), context, Math.min(text.length, TEXT_UNITS_MAX));
      for (let from = 0; from < text.length; from += SLICE_UNITS) {
        if (from > 0) {
          await nextTick();
          context.signal.throwIfAborted();
        }
        check.push(text.slice(from, from + SLICE_UNITS));
      }
      check.end();
      check.add(riskSignals(policy, context), []);
      return check.verdict();
    },

    guardQuestion(text, verdict, context) {
      if (guard === null || forbids(verdict)) return null;
      return judgedQuestion(guard, policy, text, verdict, context, onFault);
    },

    openStream(question, context) {
      return new AnswerCheck(guard, policy, question, context, onFault);
    },

    refusalText: (verdict, caseNumber, language) => refusalOf(policy.messages, verdict, caseNumber, language),
    pausedText: (untilMs, language) => pausedText(policy.messages, untilMs, language),
    restrictedText: (untilMs, language) => restrictedText(policy.messages, untilMs, language),
    notesFor: (question, isFirst, language) => notesFor(policy, question, isFirst, language),
  };
}

async function judgedQuestion(
  guard: Guard,
  policy: Policy,
  text: string,
  verdict: Verdict,
  context: ModerationContext,
  onFault: (error: unknown) => void,
): Promise<Verdict> {
  const { direction, audience, traceId, signal } = context;
  const question = redacted(text, verdict.redactions);
  const { signals, faults } = await ask(guard, { direction, question, audience, traceId, signal }, onFault, policy, {
    start: 0,
    end: text.length,
  });
  const all = [...verdict.signals, ...signals];
  const decision = decide(all, policy, { ...context, faults: [...verdict.faults, ...faults] });
  return { ...decision, redactions: verdict.redactions };
}

/** Asks the guard; its failure is a fault, not an error. Throws only the signal's reason. */
async function ask(
  guard: Guard,
  request: GuardRequest,
  onFault: (error: unknown) => void,
  policy: Policy,
  span: Span,
): Promise<{ signals: Signal[]; faults: "guard"[] }> {
  try {
    return { signals: signalsOf(await guard.judge(request), policy, span), faults: [] };
  } catch (error) {
    request.signal.throwIfAborted();
    // What the guard itself reports is counted where it happens.
    if (!codeOf(error).startsWith("guard_")) onFault(error);
    return { signals: [], faults: ["guard"] };
  }
}

function signalsOf(judgement: GuardJudgement, policy: Policy, span: Span): Signal[] {
  if (judgement.level === "safe") return [];
  // A score may only add to the word: Qwen3Guard's "Controversial" alone scores about one half.
  const confidence = Math.max(judgement.score ?? 0, policy.guard[judgement.level]);
  const rule = `guard.${judgement.level}`;
  const { stage } = policy.guard;
  return judgement.categories.map((category) => ({
    checker: "guard",
    category,
    confidence,
    stage,
    spans: [span],
    rule,
  }));
}

/** What happened in the conversation so far, once it has added up. */
function riskSignals(policy: Policy, { risk = 0 }: ModerationContext): Signal[] {
  if (risk < policy.risk.high) return [];
  return [{ checker: "risk", category: null, confidence: 1, spans: [], rule: "risk.high" }];
}

/** One answer under way: the local layers on each delta, the guard on windows of it. */
class AnswerCheck implements StreamChecker {
  readonly #guard: Guard | null;
  readonly #policy: Policy;
  readonly #question: string;
  readonly #context: ModerationContext;
  readonly #onFault: (error: unknown) => void;
  readonly #local: LocalCheck;

  constructor(
    guard: Guard | null,
    policy: Policy,
    question: string,
    context: ModerationContext,
    onFault: (error: unknown) => void,
  ) {
    this.#guard = guard;
    this.#policy = policy;
    this.#context = context;
    this.#onFault = onFault;
    const own = personalDataOf(question);
    this.#question = redacted(question, own.spans);
    this.#local = new LocalCheck({ policy, classifier: null, onFault, own: own.values }, context);
  }

  get guarded(): boolean {
    return this.#guard !== null;
  }

  holdBackUnits(): number {
    return this.#local.holdBackUnits();
  }

  push(delta: string): Verdict {
    this.#local.push(delta);
    return this.#local.verdict();
  }

  verdict(): Verdict {
    return this.#local.verdict();
  }

  async judge(from: number, to: number, signal: AbortSignal): Promise<Verdict> {
    return this.#ask(Math.max(0, from - WINDOW_CONTEXT_UNITS), to, { start: from, end: to }, signal);
  }

  async finish(signal: AbortSignal): Promise<Verdict> {
    this.#local.end();
    const { length } = this.#local.text;
    if (this.#guard === null || length === 0 || forbids(this.#local.verdict())) return this.#local.verdict();
    return this.#ask(Math.max(0, length - WHOLE_ANSWER_UNITS), length, { start: 0, end: length }, signal);
  }

  async #ask(from: number, to: number, span: Span, signal: AbortSignal): Promise<Verdict> {
    if (this.#guard === null) return this.#local.verdict();
    const { direction, audience, traceId } = this.#context;
    const whole = redacted(this.#local.text, this.#local.verdict().redactions);
    const answer = whole.slice(from, to).toWellFormed();
    const question = this.#question.slice(0, WINDOW_QUESTION_UNITS).toWellFormed();
    const request = { direction, question, answer, audience, traceId, signal };
    const { signals, faults } = await ask(this.#guard, request, this.#onFault, this.#policy, span);
    this.#local.add(signals, faults);
    return this.#local.verdict();
  }
}

/** The personal data that the asker wrote himself: an answer may repeat it, the guard need not read it. */
function personalDataOf(question: string): { spans: Span[]; values: Set<string> } {
  const scan = new PersonalScan();
  scan.push(question);
  scan.end();
  const spans = scan.findings();
  return { spans, values: new Set(spans.map(({ start, end }) => bareValue(question.slice(start, end)))) };
}

/** What stands below an answer: that something was masked, whom else to ask, that AI wrote it. */
function notesFor(policy: Policy, question: Verdict, isFirst: boolean, language: Language): string[] {
  const { messages, label } = policy;
  const notes = (["secret", "pii"] as const)
    .filter((category) => question.redactions.some((place) => place.category === category))
    .map((category) => messages.masked[category][language]);
  if (question.signals.some(({ category }) => category === "advice")) notes.push(messages.advice[language]);
  if (label === "footer" || (label === "first" && isFirst)) notes.push(messages.label[language]);
  return notes;
}
