import type { BotAnswer, Breach, StreamStep } from "./bot-replies.ts";
import { BoundedMap } from "./bounded-log.ts";
import type { Journal } from "./journal.ts";
import type { BotChannelName, Bubble, ShownMedia, Snapshot } from "./platform-types.ts";

/** Changes kept for one bubble: one a second over the whole life of a stream. */
const SNAPSHOTS_MAX = 400;
/** The same in characters: hundreds of long answers at a time must fit into memory. */
const SNAPSHOT_CHARACTERS_MAX = 500_000;
/** Of the bubbles that are over, so many keep their history; older ones keep only what they show in the end. */
const HISTORIES_MAX = 200;

/** The bubble and what the rules about its next step need to remember. */
interface BubbleState {
  bubble: Bubble & { snapshots: Snapshot[] };
  snapshotCharacters: number;
  /** When the request was sent whose reply is shown, on the monotonic clock. */
  shownFromMs: number;
  /** When text was first shown, and when the stream ended: only requests sent later must know of it. */
  textShownAtMs: number;
  finishedAtMs: number;
}

/** The bot's answers as the members' clients show them, with the rules of a stream over time (wecom-protocol 4.7, 4.8). */
export class Bubbles {
  readonly #journal: Journal;
  readonly #nowMs: () => number;
  readonly #onEnd: (bubble: Bubble) => void;
  readonly #show: (picture: Buffer) => ShownMedia;
  readonly #states: BoundedMap<string, BubbleState>;
  readonly #streamOwners: BoundedMap<string, string>;
  readonly #over: string[] = [];

  /**
   * `onEnd` hears of every bubble once, when its interaction is over and before anybody else is told. `show` keeps a picture that
   * came with the end of a stream.
   */
  constructor(
    journal: Journal,
    nowMs: () => number,
    bubblesMax: number,
    onEnd: (bubble: Bubble) => void,
    show: (picture: Buffer) => ShownMedia,
  ) {
    this.#journal = journal;
    this.#nowMs = nowMs;
    this.#onEnd = onEnd;
    this.#show = show;
    this.#states = new BoundedMap(bubblesMax);
    this.#streamOwners = new BoundedMap(bubblesMax);
  }

  open(messageId: string, userId: string, chatId: string | undefined, channel: BotChannelName = "bot"): Bubble {
    const bubble = {
      channel,
      messageId,
      userId,
      ...(chatId === undefined ? {} : { chatId }),
      atMs: this.#nowMs(),
      content: "",
      state: "waiting" as const,
      finished: false,
      images: 0,
      snapshots: [],
      polls: 0,
    };
    const never = Number.POSITIVE_INFINITY;
    this.#states.set(messageId, {
      bubble,
      snapshotCharacters: 0,
      shownFromMs: Number.NEGATIVE_INFINITY,
      textShownAtMs: never,
      finishedAtMs: never,
    });
    this.#announce(bubble);
    return bubble;
  }

  get(messageId: string): Bubble | undefined {
    return this.#states.get(messageId)?.bubble;
  }

  /** A repeat of a failed message is under way: its reply counts as the first. */
  reopen(bubble: Bubble): void {
    bubble.state = "waiting";
    this.#announce(bubble);
  }

  /** Takes the first reply. Breaches are for the caller to record. */
  begin(bubble: Bubble, answer: BotAnswer | undefined, sentAtMs: number): Breach[] {
    if (answer === undefined) {
      this.end(bubble, "failed");
      return [];
    }
    if (answer.kind === "card") {
      bubble.card = answer.card;
      this.end(bubble, "finished");
      return [];
    }
    if (answer.kind !== "stream") {
      this.end(bubble, "empty");
      return [];
    }
    const breaches: Breach[] = [];
    const owner = this.#streamOwners.get(answer.stream.id);
    if (owner !== undefined && owner !== bubble.messageId) {
      breaches.push({ rule: "stream_id_reused", detail: "the stream id already belongs to another message" });
    }
    this.#streamOwners.set(answer.stream.id, bubble.messageId);
    bubble.streamId = answer.stream.id;
    bubble.state = "streaming";
    if (answer.stream.feedbackId !== undefined) bubble.feedbackId = answer.stream.feedbackId;
    return [...breaches, ...this.#take(bubble, answer, sentAtMs)];
  }

  /** Takes the reply to a poll that was sent at `sentAtMs` on the monotonic clock. */
  step(bubble: Bubble, answer: BotAnswer | undefined, sentAtMs: number): Breach[] {
    bubble.polls += 1;
    const breaches: Breach[] = [];
    if (answer?.kind === "stream") {
      const { id, feedbackId } = answer.stream;
      if (id !== bubble.streamId) {
        return [{ rule: "stream_id_changed", detail: "the reply to a poll names another stream" }];
      }
      if (feedbackId !== undefined) {
        breaches.push(
          feedbackId === bubble.feedbackId
            ? { rule: "feedback_id_late", detail: "feedback.id belongs in the first reply only" }
            : { rule: "feedback_id_changed", detail: "feedback.id is not that of the first reply" },
        );
      }
      breaches.push(...this.#take(bubble, answer, sentAtMs));
    }
    return breaches;
  }

  /** The interaction is over. Does nothing when it was over before. */
  end(bubble: Bubble, state: "finished" | "empty" | "failed" | "expired"): void {
    if (bubble.state !== "waiting" && bubble.state !== "streaming") return;
    bubble.state = state;
    bubble.finished = state === "finished";
    this.#onEnd(bubble);
    this.#over.push(bubble.messageId);
    const old = this.#over.length > HISTORIES_MAX ? this.#states.get(this.#over.shift() ?? "") : undefined;
    old?.bubble.snapshots.splice(0, old.bubble.snapshots.length - 1);
    this.#announce(bubble);
  }

  giveFeedback(bubble: Bubble, type: 1 | 2 | 3): void {
    bubble.feedback = type;
    this.#announce(bubble);
  }

  changeCard(bubble: Bubble, card: Record<string, unknown>): void {
    bubble.card = card;
    this.#announce(bubble);
  }

  #take(bubble: Bubble, answer: BotAnswer & { kind: "stream" }, sentAtMs: number): Breach[] {
    const state = this.#states.get(bubble.messageId);
    if (state === undefined) return [];
    const { stream, card } = answer;
    if (bubble.finished) return lateBreaches(bubble, stream, sentAtMs > state.finishedAtMs);
    const breaches: Breach[] = [];
    if (stream.content.trim() === "" && sentAtMs > state.textShownAtMs) {
      breaches.push({ rule: "blank_after_text", detail: "a snapshot after the first text is blank" });
    }
    if (card !== undefined) {
      if (bubble.card !== undefined)
        breaches.push({ rule: "card_sent_twice", detail: "a message has one card at most" });
      bubble.card = card;
    }
    // A reply to an earlier poll that was overtaken by a later one shows nothing new.
    if (sentAtMs < state.shownFromMs && !stream.finish) return breaches;
    state.shownFromMs = sentAtMs;
    if (stream.content !== "") state.textShownAtMs = Math.min(state.textShownAtMs, performance.now());
    const changed = stream.content !== bubble.content || stream.finish || bubble.snapshots.length === 0;
    bubble.content = stream.content;
    if (changed) this.#keepSnapshot(state, stream);
    if (stream.finish) {
      state.finishedAtMs = performance.now();
      bubble.images = stream.images;
      if (stream.pictures !== undefined) bubble.media = stream.pictures.map(this.#show);
      this.end(bubble, "finished");
    } else if (changed) {
      this.#announce(bubble);
    }
    return breaches;
  }

  #keepSnapshot(state: BubbleState, stream: StreamStep): void {
    const { snapshots } = state.bubble;
    snapshots.push({ atMs: this.#nowMs(), content: stream.content, finish: stream.finish });
    state.snapshotCharacters += stream.content.length;
    while (snapshots.length > SNAPSHOTS_MAX || state.snapshotCharacters > SNAPSHOT_CHARACTERS_MAX) {
      state.snapshotCharacters -= snapshots.shift()?.content.length ?? 0;
    }
  }

  #announce(bubble: Bubble): void {
    this.#journal.emit({ type: "bubble", bubble });
    this.#journal.changed(bubbleTopic(bubble.messageId));
  }
}

export function bubbleTopic(messageId: string): string {
  return `bubble ${messageId}`;
}

/** A poll that reaches the service after it finished must be told the very same end. */
function lateBreaches(bubble: Bubble, stream: StreamStep, mustKnow: boolean): Breach[] {
  if (!mustKnow || (stream.finish && stream.content === bubble.content)) return [];
  return [{ rule: "changed_after_finish", detail: "a poll after finish is answered differently" }];
}
