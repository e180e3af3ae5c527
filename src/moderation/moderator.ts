import { setImmediate as nextTick } from "node:timers/promises";
import { YingdaError } from "../base/errors.ts";
import { decide } from "./decide.ts";
import { refusalOf } from "./messages.ts";
import { TextScan } from "./phrases/text-scan.ts";
import type { Policy } from "./policy/policy.ts";
import {
  ACTIONS,
  type Action,
  type ModerationContext,
  type Moderator,
  type StreamChecker,
  type Verdict,
} from "./verdict.ts";

/**
 * Longest text judged, in UTF-16 units. A callback's body has at most 1 MiB and an answer a few thousand tokens, so nothing
 * honest comes near; the limit keeps one check below about 50 MB. What is longer is refused, since its rest was not read.
 */
const TEXT_UNITS_MAX = 1024 * 1024;
/** Read between two turns of the event loop, so that a long text holds nobody else up for more than some 20 ms, even a hostile one. */
const SLICE_UNITS = 4 * 1024;
/** Held back at least while anything is looked for, so that a stream does not end its visible part inside a word. */
const HOLD_BACK_UNITS_MIN = 24;

export interface ModeratorParts {
  policy: Policy;
  /** Hears of a checker that broke; the text is then treated by the policy's `faults`. The error quotes no text. */
  onFault?: (error: unknown) => void;
}

/** A moderator that judges by the policy's own terms and rules, in this process. */
export function createModerator({ policy, onFault = () => {} }: ModeratorParts): Moderator {
  return {
    policyVersion: policy.version,
    retention: policy.retention,

    /** Throws only the signal's reason, when it is aborted while a long text is read. */
    async check(text, context) {
      const check = new LocalCheck(policy, context, onFault, Math.min(text.length, TEXT_UNITS_MAX));
      for (let from = 0; from < text.length; from += SLICE_UNITS) {
        if (from > 0) {
          await nextTick();
          context.signal.throwIfAborted();
        }
        check.push(text.slice(from, from + SLICE_UNITS));
      }
      return check.finish();
    },

    openStream(_question, context) {
      return new LocalCheck(policy, context, onFault);
    },

    refusalText(verdict, caseNumber, language) {
      return refusalOf(policy.messages, verdict, caseNumber, language);
    },
  };
}

/** One text, whole or in pieces: both go through here, so that they cannot come to different verdicts. */
class LocalCheck implements StreamChecker {
  readonly #policy: Policy;
  readonly #context: ModerationContext;
  readonly #onFault: (error: unknown) => void;
  readonly #scan: TextScan;
  #pushedUnits = 0;
  #finished = false;
  /** What is due because the text was not read to its end. */
  #unread: Action = "allow";
  #broken = false;
  #verdict: Verdict;
  #verdictOf = 0;

  constructor(policy: Policy, context: ModerationContext, onFault: (error: unknown) => void, unitsExpected = 0) {
    this.#policy = policy;
    this.#context = context;
    this.#onFault = onFault;
    this.#scan = new TextScan(policy.ruleset, context.direction, unitsExpected);
    this.#verdict = decide([], policy, context);
  }

  holdBackUnits(): number {
    if (this.#finished || this.#policy.ruleset.index.phrases === 0) return 0;
    return Math.max(HOLD_BACK_UNITS_MIN, this.#pushedUnits - this.#scan.settledAt());
  }

  push(delta: string): Verdict {
    if (this.#finished)
      throw new YingdaError("internal", "push was called after finish; open a stream for each answer");
    const room = TEXT_UNITS_MAX - this.#pushedUnits;
    this.#pushedUnits += delta.length;
    if (delta.length > room) this.#unread = stricter(this.#unread, "refuse");
    this.#attempt(() => this.#scan.push(delta.slice(0, Math.max(0, room))));
    return this.#current();
  }

  async finish(): Promise<Verdict> {
    if (!this.#finished) this.#attempt(() => this.#scan.end());
    this.#finished = true;
    return this.#current();
  }

  #attempt(step: () => void): void {
    if (this.#broken) return;
    try {
      step();
    } catch (error) {
      this.#broken = true;
      this.#unread = stricter(this.#unread, this.#policy.faults[this.#context.audience]);
      this.#onFault(error);
    }
  }

  #current(): Verdict {
    if (this.#scan.revision !== this.#verdictOf) {
      this.#verdictOf = this.#scan.revision;
      this.#verdict = decide(this.#scan.signals(), this.#policy, this.#context);
    }
    if (this.#unread === "allow") return this.#verdict;
    const action = stricter(this.#verdict.action, this.#unread);
    return { ...this.#verdict, action, severity: this.#verdict.severity ?? "P2" };
  }
}

function stricter(one: Action, other: Action): Action {
  return ACTIONS.indexOf(one) > ACTIONS.indexOf(other) ? one : other;
}
