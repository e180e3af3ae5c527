import { setTimeout as delay } from "node:timers/promises";
import { YingdaError } from "../src/base/errors.ts";

/** Calls of the active API by their path below `/cgi-bin/`; `*` is every call. */
export type ApiCallName =
  | "*"
  | "gettoken"
  | "message/send"
  | "message/update_template_card"
  | "message/recall"
  | "user/get"
  | "media/upload"
  | "media/get"
  | "getcallbackip"
  | "get_api_domain_ip"
  | "aibot/response";

/**
 * Something that goes wrong with a call on demand. `before_effect`: nothing has happened yet (the default);
 * `after_effect`: it has, and only the answer is wrong, late or lost: the ambiguous send.
 */
export interface ApiFault {
  call: ApiCallName;
  effect:
    | { kind: "errcode"; errcode: number; errmsg?: string; when?: FaultMoment }
    | { kind: "http_status"; status: number; when?: FaultMoment }
    | { kind: "hang_up"; when?: FaultMoment }
    | { kind: "delay"; delayMs: number; when?: FaultMoment };
  /** How many calls it strikes; default 1. `until_cleared` for all to come. */
  times?: number | "until_cleared";
  /** Calls that pass unharmed first; default 0. `after: 2` strikes the third. */
  after?: number;
}

export type FaultMoment = "before_effect" | "after_effect";
export type FaultEffect = ApiFault["effect"];

interface ArmedFault {
  fault: ApiFault;
  passesLeft: number;
  strikesLeft: number;
}

/** The switches that stay on until they are switched off; the chat page shows the first four. */
export interface StandingFaults {
  /** How many times every callback of a member's message is delivered at the same time; default 1. */
  copies: number;
  /** The active API waits this long before each call; default 0. */
  slowPlatformMs: number;
  /** `message/send` is accepted with errcode 0 and delivered to nobody. */
  dropSends: boolean;
  /** Every `message/send` is refused with this code. */
  errcode: number | null;
  /** Polls of one stream that are under way at the same time; default 1. */
  overlappingPolls: number;
}

const FAULTS_MAX = 100;
const COPIES_MAX = 20;
const DELAY_MAX_MS = 120_000;

export class Faults {
  readonly standing: StandingFaults = {
    copies: 1,
    slowPlatformMs: 0,
    dropSends: false,
    errcode: null,
    overlappingPolls: 1,
  };
  #armed: ArmedFault[] = [];

  /** Throws `bad_request` for a figure outside its range. */
  setStanding(change: Partial<StandingFaults>): void {
    inRange("copies", change.copies, 1, COPIES_MAX);
    inRange("overlappingPolls", change.overlappingPolls, 1, COPIES_MAX);
    inRange("slowPlatformMs", change.slowPlatformMs, 0, DELAY_MAX_MS);
    if (change.errcode !== null) inRange("errcode", change.errcode, -1_000, 9_999_999);
    Object.assign(this.standing, change);
  }

  /** Arms one fault; the function given back disarms it. */
  arm(fault: ApiFault): () => void {
    if (this.#armed.length >= FAULTS_MAX) {
      throw new YingdaError("bad_request", `At most ${FAULTS_MAX} faults at a time: clear the old ones.`);
    }
    if (fault.effect.kind === "delay") inRange("delayMs", fault.effect.delayMs, 0, DELAY_MAX_MS);
    const armed: ArmedFault = {
      fault,
      passesLeft: fault.after ?? 0,
      strikesLeft: fault.times === "until_cleared" ? Number.POSITIVE_INFINITY : (fault.times ?? 1),
    };
    this.#armed.push(armed);
    return () => {
      this.#armed = this.#armed.filter((other) => other !== armed);
    };
  }

  clear(): void {
    this.#armed = [];
  }

  /** What strikes this call. Counts down passes and strikes. */
  strike(call: string): FaultEffect[] {
    const effects: FaultEffect[] = [];
    for (const armed of this.#armed) {
      if (armed.fault.call !== "*" && armed.fault.call !== call) continue;
      if (armed.passesLeft > 0) {
        armed.passesLeft -= 1;
      } else if (armed.strikesLeft > 0) {
        armed.strikesLeft -= 1;
        effects.push(armed.fault.effect);
      }
    }
    this.#armed = this.#armed.filter((armed) => armed.strikesLeft > 0);
    return effects;
  }
}

/** Waits out the delays of one moment and gives its first other effect, if any. */
export async function suffer(
  effects: FaultEffect[],
  when: FaultMoment,
  signal: AbortSignal,
): Promise<Exclude<FaultEffect, { kind: "delay" }> | undefined> {
  let first: Exclude<FaultEffect, { kind: "delay" }> | undefined;
  for (const effect of effects) {
    if ((effect.when ?? "before_effect") !== when) continue;
    if (effect.kind === "delay") await delay(effect.delayMs, undefined, { signal });
    else first ??= effect;
  }
  return first;
}

function inRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new YingdaError("bad_request", `${name} is a whole number from ${min} to ${max}.`);
  }
}
