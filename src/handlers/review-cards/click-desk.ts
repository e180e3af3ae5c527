import { abortAfter } from "../../base/clock.ts";
import { codeOf, describe, YingdaError } from "../../base/errors.ts";
import { botCardUpdate } from "../../wecom/payloads.ts";
import { type CardMove, DECISIONS, readKey } from "./card-keys.ts";
import { type CardParts, reviewersOf } from "./card-parts.ts";
import { CARD_TEXTS } from "./card-words.ts";
import { type DrawnCard, drawCard } from "./review-card.ts";

/** A press on a card's button, as a callback brought it. Everything but the sender is untrusted (wecom-protocol 7.8). */
export interface CardClick {
  userId: string;
  taskId: string;
  eventKey: string;
}

export interface AppCardEvent extends CardClick {
  /** Changes the card once within 72 h; empty when WeCom gave none. */
  responseCode: string;
  /** Equal for deliveries of the same click. */
  dedupeKey: string;
}

/** A decision, two calls of WeCom and a lookup of names; then something hangs. */
const CLICK_MS = 20_000;
/** The bot's card can be changed within 5 s of the click only (wecom-protocol 7.5). */
const BOT_CLICK_MS = 3_500;
/** Clicks in hand at once. Reviewers are people: more means that the database or WeCom hangs, and WeCom shall come again. */
const RUNNING_MAX = 50;
/** Deliveries remembered, oldest out first: WeCom repeats within a quarter of a minute. */
const SEEN_MAX = 1_000;
/** A stranger's clicks are written down once in this time; more say nothing new and fill the log. */
const DENIED_AGAIN_MS = 60_000;
const TELL_ONCE_SECONDS = 60;

type Answer =
  | { kind: "card"; caseNumber: string; drawn: DrawnCard }
  /** The card stays as it is. */
  | { kind: "told"; text: string }
  /** No button of ours. */
  | { kind: "none" };

/**
 * Decides what reviewers press on cards, by the console's own transitions, and shows the outcome to everybody. The click is
 * acknowledged first and worked on after that, in this process: a click that is lost with the process leaves its card as it
 * was, to be pressed again, which is all that a queue of clicks could offer a person who is waiting.
 */
export class ClickDesk {
  readonly #parts: CardParts;
  readonly #running = new Set<Promise<void>>();
  readonly #seen = new Set<string>();
  readonly #deniedAtMs = new Map<string, number>();

  constructor(parts: CardParts) {
    this.#parts = parts;
  }

  /**
   * Takes a click on the app's card; returns at once. A repeated delivery changes nothing.
   * @throws YingdaError `store_unavailable` when too many are in hand: WeCom sends it again (wecom-protocol 2.1).
   */
  take(click: AppCardEvent): void {
    if (this.#seen.has(click.dedupeKey)) return;
    if (this.#running.size >= RUNNING_MAX) {
      throw new YingdaError("store_unavailable", `${RUNNING_MAX} clicks on cards are in hand already`, {
        retryable: true,
      });
    }
    this.#seen.add(click.dedupeKey);
    const [oldest] = this.#seen;
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
    const work = this.#answerApp(click).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Answers a click on the bot's card with the reply's plaintext; null: the empty one, and the card stays. Never throws. */
  async answerBot(click: CardClick): Promise<string | null> {
    const late = abortAfter(BOT_CLICK_MS, this.#parts.clock, () => new Error("too late to change the bot's card"));
    try {
      const answer = await Promise.race([this.#judge(click, late.signal), aborted(late.signal)]);
      return answer.kind === "card" ? botCardUpdate(answer.drawn.card) : null;
    } catch (error) {
      this.#parts.log.warn({ why: describe(error), taskId: click.taskId }, "a click on the bot's card had no answer");
      return null;
    } finally {
      late.cancel();
    }
  }

  /** Waits for the clicks in hand. */
  async stop(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #answerApp(click: AppCardEvent): Promise<void> {
    const { clock, log } = this.#parts;
    const late = abortAfter(CLICK_MS, clock, () => new Error("a click on a card took too long"));
    const { signal } = late;
    try {
      const answer = await this.#judge(click, signal).catch((error: unknown): Answer => {
        log.error({ err: error, taskId: click.taskId }, "a click on a card could not be worked on");
        const gone = codeOf(error) === "not_found";
        return { kind: "told", text: gone ? CARD_TEXTS.gone : CARD_TEXTS.later };
      });
      if (answer.kind === "told") await this.#tell(click, answer.text, signal);
      if (answer.kind === "card") await this.#show(click, answer, signal);
    } catch (error) {
      log.warn({ err: error, taskId: click.taskId }, "the outcome of a click on a card could not be shown");
    } finally {
      late.cancel();
    }
  }

  async #judge(click: CardClick, signal: AbortSignal): Promise<Answer> {
    const pressed = readKey(click.eventKey);
    if (pressed === null) return { kind: "none" };
    const userId = click.userId.toLowerCase();
    const card = await this.#parts.cards.find(click.taskId);
    if (!reviewersOf(this.#parts.users).includes(userId)) {
      await this.#noteDenial(userId, card?.caseNumber ?? null);
      return { kind: "told", text: CARD_TEXTS.notAllowed };
    }
    if (card === null) return { kind: "told", text: CARD_TEXTS.gone };
    const { caseNumber } = card;
    const decided = await this.#decide(caseNumber, pressed, userId);
    const details = { channel: "card", move: pressed.move, version: pressed.version, decided, taskId: click.taskId };
    await this.#note({ by: userId, action: "card.click", subject: `case:${caseNumber}`, details });
    return { kind: "card", caseNumber, drawn: await drawCard(card, this.#parts, signal) };
  }

  /** False: the case is not what the card showed, and the card has to say what it is. */
  async #decide(
    caseNumber: string,
    { move, version }: { move: CardMove; version: number },
    by: string,
  ): Promise<boolean> {
    try {
      const request = { caseNumber, version, ...DECISIONS[move], reason: "card", note: "", by };
      const decided = await this.#parts.cases.decide(request);
      // The decision stands, whether or not the member could be told.
      await this.#parts.settled(decided).catch((error: unknown) => {
        this.#parts.log.warn({ err: error, caseNumber }, "what follows from a decision on a card could not be done");
      });
      return true;
    } catch (error) {
      if (codeOf(error) === "case_conflict") return false;
      throw error;
    }
  }

  /** To everybody who has the card, by the click's code or the one that was left from sending it; else to the clicker alone. */
  async #show(
    click: AppCardEvent,
    { caseNumber, drawn }: Extract<Answer, { kind: "card" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { cards, log } = this.#parts;
    const { card, version, open, standing } = drawn;
    const change = async (responseCode: string | null) => {
      if (responseCode === null || responseCode === "") return false;
      try {
        await this.#parts.api.updateCard({ responseCode, card, signal });
        return true;
      } catch (error) {
        log.warn({ err: error, caseNumber }, "a card could not be changed");
        return false;
      }
    };
    if ((await change(click.responseCode)) || (await change(await cards.claimCode(caseNumber)))) {
      await cards.shown({ caseNumber, version, open });
      return;
    }
    const text = standing === null ? CARD_TEXTS.changed(caseNumber) : CARD_TEXTS.stands(caseNumber, standing);
    await this.#tell(click, text, signal);
  }

  async #tell(click: AppCardEvent, content: string, signal: AbortSignal): Promise<void> {
    await this.#parts.api.sendText({
      toUser: click.userId,
      content,
      // The same click may be delivered to several processes.
      duplicateCheckSeconds: TELL_ONCE_SECONDS,
      traceId: click.taskId,
      signal,
    });
  }

  async #noteDenial(by: string, caseNumber: string | null): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - (this.#deniedAtMs.get(by) ?? Number.NEGATIVE_INFINITY) < DENIED_AGAIN_MS) return;
    if (this.#deniedAtMs.size >= SEEN_MAX) this.#deniedAtMs.clear();
    this.#deniedAtMs.set(by, nowMs);
    const subject = caseNumber === null ? "card:unknown" : `case:${caseNumber}`;
    await this.#note({ by, action: "card.denied", subject, details: { channel: "card" } });
  }

  /** A decision has its own row, in its own transaction; that its way is not noted must not keep it from being shown. */
  async #note(entry: Parameters<CardParts["audit"]["append"]>[0]): Promise<void> {
    try {
      await this.#parts.audit.append(entry);
    } catch (error) {
      this.#parts.log.error(
        { err: error, action: entry.action, subject: entry.subject },
        "the audit log missed a click",
      );
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
