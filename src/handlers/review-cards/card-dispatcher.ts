import { randomUUID } from "node:crypto";
import { abortAfter } from "../../base/clock.ts";
import { describe, YingdaError } from "../../base/errors.ts";
import { Rounds } from "../../base/rounds.ts";
import type { NewCase } from "../../review/card-claims.ts";
import type { CaseSummary } from "../../review/case-reader.ts";
import type { GroupRobot } from "../../wecom/group-robot.ts";
import { taskIdOf } from "./card-keys.ts";
import { type CardParts, consoleUrl, reviewersOf } from "./card-parts.ts";
import { digestText, overdueText } from "./card-words.ts";
import { drawCard } from "./review-card.ts";

/** What cannot wait for somebody to open the console: P2 has a day, P3 three. */
const SEVERITIES: readonly CaseSummary["severity"][] = ["P0", "P1"];
/** More at once are noise on a phone, and every one costs the reviewer a message of WeCom's 30 a minute (wecom-protocol 3.3). */
const CARDS_PER_MINUTE_MAX = 5;
/** How late a card may be; a look at an index each time. */
const ROUND_EVERY_MS = 2_000;
/** The start is for answering people. */
const FIRST_ROUND_AFTER_MS = 3_000;
/** Minutes are exact enough for what is an hour late. */
const OVERDUE_EVERY_MS = 30_000;
/** Five cards with their lookups, on a slow day of WeCom's. */
const ROUND_MS = 60_000;
/** After something went wrong: an outage is not hammered, and is a line a minute. */
const QUIET_MS = 60_000;
/** WeCom drops an identical request within this time, so that a try of unknown outcome may be repeated. */
const SEND_ONCE_SECONDS = 1_800;

/** One alert an hour for what only an administrator can mend. */
const SKIPPED_AGAIN_MS = 3600_000;
/** What is under way at the end may finish within this. */
const STOP_MS = 8_000;

export interface DispatcherParts extends CardParts {
  /** Where operators hear of P0 cases that nobody decided in time; null: nowhere. */
  robot: Pick<GroupRobot, "sendText"> | null;
}

/**
 * Tells reviewers of grave cases, in WeCom: a card for each, or a digest when there are many; keeps cards in step with what
 * is decided elsewhere. Safe in several processes at once: the claims are rows (card-queue.ts). A card is never sent twice;
 * one whose sending ended in the dark, or with its process, is not sent again, and its case waits in the console.
 */
export class CardDispatcher {
  readonly #parts: DispatcherParts;
  readonly #reviewers: string[];
  readonly #rounds: Rounds;
  /** Cuts what is under way. */
  readonly #cut = new AbortController();
  #announceFromMs = 0;
  #followFromMs = 0;
  #overdueFromMs = 0;
  #skippedAgainMs = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#reviewers = reviewersOf(parts.users);
    this.#rounds = new Rounds({
      firstAfterMs: FIRST_ROUND_AFTER_MS,
      everyMs: ROUND_EVERY_MS,
      clock: parts.clock,
      round: () => this.round(),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    const ended = this.#rounds.stop();
    const grace = abortAfter(STOP_MS, this.#parts.clock, () => new Error("the service ends"));
    grace.signal.addEventListener("abort", () => this.#cut.abort(grace.signal.reason), { once: true });
    await ended;
    grace.cancel();
  }

  /** One look at everything. Never throws. */
  async round(): Promise<void> {
    const late = abortAfter(ROUND_MS, this.#parts.clock, () => new Error("a round of cards took too long"));
    const signal = AbortSignal.any([late.signal, this.#cut.signal]);
    const { clock, robot } = this.#parts;
    const due = (fromMs: number) => clock.nowMs() >= fromMs && !this.#rounds.signal.aborted;
    try {
      if (this.#reviewers.length > 0 && due(this.#announceFromMs)) {
        await this.#step(
          "announce",
          () => this.#announce(signal),
          (untilMs) => (this.#announceFromMs = untilMs),
        );
      }
      if (due(this.#followFromMs)) {
        await this.#step(
          "follow",
          () => this.#follow(signal),
          (untilMs) => (this.#followFromMs = untilMs),
        );
      }
      if (robot !== null && due(this.#overdueFromMs)) {
        this.#overdueFromMs = clock.nowMs() + OVERDUE_EVERY_MS;
        await this.#step(
          "overdue",
          () => this.#tellOverdue(robot, signal),
          (untilMs) => (this.#overdueFromMs = untilMs),
        );
      }
    } finally {
      late.cancel();
    }
  }

  async #step(name: string, work: () => Promise<void>, restUntil: (untilMs: number) => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      restUntil(this.#parts.clock.nowMs() + QUIET_MS);
      this.#parts.log.warn({ err: error, step: name }, "cards of cases have to wait; it is tried again in a minute");
    }
  }

  async #announce(signal: AbortSignal): Promise<void> {
    const claimed = await this.#parts.cards.claimNew({
      severities: SEVERITIES,
      cardsPerMinuteMax: CARDS_PER_MINUTE_MAX,
      taskIdOf,
    });
    if (claimed.kind === "digest") return this.#sendDigest(claimed.cases, claimed.more, signal);
    if (claimed.kind === "nothing") return;
    const waiting = [...claimed.cases];
    let failure: Error | undefined;
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        await this.#sendCard(one, signal);
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(describe(error));
        if (!isOfOneCase(error)) {
          await this.#parts.cards.release(waiting);
          break;
        }
      }
    }
    if (failure !== undefined && !this.#rounds.signal.aborted) throw failure;
  }

  async #sendCard(one: NewCase, signal: AbortSignal): Promise<void> {
    const { api, log } = this.#parts;
    const { caseNumber } = one;
    const sent = await this.#sendOnce([one], async (attempt) => {
      const { card, version } = await drawCard(one, this.#parts, signal);
      const toUsers = await this.#withRoom();
      await attempt();
      const once = { duplicateCheckSeconds: SEND_ONCE_SECONDS, traceId: one.taskId, signal };
      return { ...(await api.sendCard({ toUsers, card, ...once })), version };
    });
    const { responseCode, version } = sent;
    await this.#parts.cards.sent({ caseNumbers: [caseNumber], responseCode, version });
    log.info({ caseNumber, severity: one.severity, reviewers: this.#reviewers.length }, "reviewers got a card");
    this.#alertSkipped(sent.skipped);
  }

  async #sendDigest(cases: NewCase[], more: boolean, signal: AbortSignal): Promise<void> {
    const { api, clock, publicUrl, log } = this.#parts;
    const counts = new Map<string, number>();
    for (const { severity } of cases) counts.set(severity, (counts.get(severity) ?? 0) + 1);
    const content = digestText({ counts, more, atMs: clock.nowMs(), consoleUrl: consoleUrl(publicUrl, "queue") });
    const sent = await this.#sendOnce(cases, async (attempt) => {
      const toUsers = await this.#withRoom();
      await attempt();
      const once = { duplicateCheckSeconds: SEND_ONCE_SECONDS, traceId: randomUUID(), signal };
      return api.sendNotice({ toUsers, content, ...once });
    });
    const caseNumbers = cases.map(({ caseNumber }) => caseNumber);
    await this.#parts.cards.sent({ caseNumbers, responseCode: null, version: null });
    log.info({ cases: cases.length, reviewers: this.#reviewers.length }, "reviewers got a digest");
    this.#alertSkipped(sent.skipped);
  }

  /** Gives the claim back when the message certainly is not out; else it stays, for nobody gets the same card twice. */
  async #sendOnce<T>(cases: NewCase[], send: (attempt: () => Promise<void>) => Promise<T>): Promise<T> {
    const { cards, events } = this.#parts;
    let perhapsOut = false;
    try {
      return await send(async () => {
        this.#rounds.signal.throwIfAborted();
        if (!(await cards.attempt(cases))) throw new YingdaError("lease_lost", "another process sends this card");
        perhapsOut = true;
      });
    } catch (error) {
      if (!perhapsOut || isNotOut(error)) {
        await cards.release(cases);
      } else {
        events.alert(
          "card_lost",
          "It is not known whether a card or digest reached the reviewers, and it is not sent again: look at the console's queue.",
          { cases: cases.length, first: cases[0]?.caseNumber ?? "", why: describe(error) },
        );
      }
      throw error;
    }
  }

  /** Reviewers to whom WeCom would not drop it. Throws `wecom_rate_limited` when there is none, `store_unavailable`. */
  async #withRoom(): Promise<string[]> {
    const { budget, log } = this.#parts;
    const waits = await Promise.all(this.#reviewers.map((userId) => budget.reserve(userId)));
    const reachable = this.#reviewers.filter((_, index) => waits[index] === 0);
    if (reachable.length === 0) {
      throw new YingdaError("wecom_rate_limited", "every reviewer has had as many messages as WeCom lets through", {
        retryable: true,
      });
    }
    if (reachable.length < this.#reviewers.length) {
      log.warn(
        { left: this.#reviewers.length - reachable.length },
        "some reviewers have had as many messages as WeCom lets through",
      );
    }
    return reachable;
  }

  #alertSkipped(skipped: string[]): void {
    const nowMs = this.#parts.clock.nowMs();
    if (skipped.length === 0 || nowMs < this.#skippedAgainMs) return;
    this.#skippedAgainMs = nowMs + SKIPPED_AGAIN_MS;
    this.#parts.events.alert(
      "reviewers_unreachable",
      "WeCom skipped reviewers of ADMIN_USERS: they are outside the app's visible range, have no licence or do not exist.",
      { skipped: skipped.length, first: skipped[0] ?? "" },
    );
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { cards, api, log } = this.#parts;
    for (const change of await cards.claimChanges()) {
      const { caseNumber, responseCode } = change;
      try {
        const { card, version, open } = await drawCard(change, this.#parts, signal);
        await api.updateCard({ responseCode, card, signal });
        await cards.shown({ caseNumber, version, open });
        log.info({ caseNumber, open }, "a card followed its case");
      } catch (error) {
        // The code is used up. Whoever presses the card is shown how things are.
        log.warn({ err: error, caseNumber }, "a card could not follow its case");
      }
    }
  }

  async #tellOverdue(robot: Pick<GroupRobot, "sendText">, signal: AbortSignal): Promise<void> {
    const { cards, publicUrl } = this.#parts;
    const caseNumbers = await cards.claimOverdue();
    if (caseNumbers.length === 0) return;
    try {
      await robot.sendText({ content: overdueText(caseNumbers, consoleUrl(publicUrl, "queue")), signal });
    } catch (error) {
      if (isNotOut(error)) await cards.releaseOverdue(caseNumbers);
      throw error;
    }
  }
}

/** WeCom said no, or was never reached. A time-out says neither. */
function isNotOut(error: unknown): boolean {
  return error instanceof YingdaError && (typeof error.details.errcode === "number" || error.details.sent === "no");
}

/** Errors that hold up the next card no more than this one's own. */
const OF_ONE_CASE: ReadonlySet<string> = new Set([
  "not_found",
  "bad_request",
  "internal",
  "lease_lost",
  "wecom_refused",
]);

function isOfOneCase(error: unknown): boolean {
  return error instanceof YingdaError && OF_ONE_CASE.has(error.code);
}
