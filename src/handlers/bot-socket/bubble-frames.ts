import type { Clock } from "../../base/clock.ts";
import { codeOf, YingdaError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { SendBudget } from "../../session/send-budget.ts";
import type { Snapshots } from "../../session/snapshots.ts";
import type { BotSocket } from "../../wecom/bot-socket.ts";
import { streamReply } from "../../wecom/payloads.ts";
import { isWindowOver } from "../../wecom/socket-errors.ts";
import { type BubbleAddress, bodyOf, chatKey } from "./jobs.ts";

/** Frames of one bubble are this far apart: half a second to a second is what the platform is known to take (wecom-protocol 5.4). */
const FRAME_EVERY_MS = 700;
/** How often a bubble looks whether its last frame was acknowledged. */
const ACK_LOOK_MS = 50;
/**
 * Of the places that a conversation has in a minute, so many are kept for finished texts and new messages: whether a refresh
 * counts is disputed (5.4), and a bubble that cannot be finished would be the worse of both.
 */
const SPARE_PLACES = 8;
/** The same of an hour: a busy group's growing frames would use it up within one, and leave nothing for its answers. */
const HOUR_SPARE_PLACES = 400;
/** After a refusal for the rate, and after a fault, the bubble rests so long. */
const REST_MS = 5_000;
/** Bubbles remembered; past it the oldest are forgotten, which costs them a frame at most. */
const BUBBLES_MAX = 20_000;

export interface FrameParts {
  socket: Pick<BotSocket, "isReady" | "isFree" | "send">;
  snapshots: Snapshots;
  budget: SendBudget;
  clock: Clock;
  log: Logger;
}

interface Bubble {
  address: BubbleAddress;
  /** Something was written that no frame has carried. */
  wanted: boolean;
  /** Aborted when its last text is on its way or was sent, or WeCom takes no more of it: no frame may follow. */
  over: AbortController;
  /** No frame has gone out: the next one carries the feedback id, which belongs in a stream's first reply only (4.7). */
  unopened: boolean;
  pumping: Promise<void> | null;
  shown: string | null;
}

/** Growing bubbles: newest snapshots as frames, throttled and coalesced. What is lost is followed by another. */
export class BubbleFrames {
  readonly #parts: FrameParts;
  readonly #bubbles = new Map<string, Bubble>();

  constructor(parts: FrameParts) {
    this.#parts = parts;
  }

  /** The first, empty frame. */
  open(address: BubbleAddress): void {
    this.#bubbleOf(address).unopened = true;
    this.show(address);
  }

  /** The snapshot has changed. */
  show(address: BubbleAddress): void {
    const bubble = this.#bubbleOf(address);
    if (bubble.over.signal.aborted) return;
    bubble.wanted = true;
    bubble.pumping ??= this.#pump(bubble);
  }

  /** No frame follows; resolves when the one under way has been acknowledged. */
  async end(address: BubbleAddress): Promise<void> {
    const bubble = this.#bubbleOf(address);
    this.#close(bubble);
    await bubble.pumping;
  }

  /** What it showed is not needed any more, and may be long. */
  #close(bubble: Bubble): void {
    bubble.over.abort();
    bubble.shown = null;
  }

  /**
   * For a frame that goes out now. Who took over a stream from another process cannot know whether it was opened, and
   * leaves the feedback id out.
   */
  feedbackFor(streamId: string): { feedbackId?: string } {
    const bubble = this.#bubbles.get(streamId);
    if (bubble?.unopened !== true) return {};
    bubble.unopened = false;
    return { feedbackId: streamId };
  }

  #bubbleOf(address: BubbleAddress): Bubble {
    const { streamId } = address;
    const known = this.#bubbles.get(streamId);
    if (known !== undefined) return known;
    const [oldest] = this.#bubbles.keys();
    if (this.#bubbles.size >= BUBBLES_MAX && oldest !== undefined) this.#bubbles.delete(oldest);
    const over = new AbortController();
    const bubble: Bubble = { address, wanted: false, over, unopened: false, pumping: null, shown: null };
    this.#bubbles.set(streamId, bubble);
    return bubble;
  }

  async #pump(bubble: Bubble): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      while (bubble.wanted && !bubble.over.signal.aborted) {
        bubble.wanted = false;
        await clock.sleep(await this.#frame(bubble), bubble.over.signal);
      }
    } catch (error) {
      // It ended, or another snapshot follows; the finished text has its own way.
      log.debug({ code: codeOf(error) }, "a frame of a bubble was lost");
    } finally {
      bubble.pumping = null;
    }
  }

  /** Sends the newest snapshot if it may; resolves with the time until the next. */
  async #frame(bubble: Bubble): Promise<number> {
    const { socket, snapshots, budget, clock } = this.#parts;
    const { streamId, reqId, chat } = bubble.address;
    const snapshot = await snapshots.read(streamId);
    if (snapshot === null || (snapshot.content === bubble.shown && !snapshot.finish)) return FRAME_EVERY_MS;
    if (!socket.isReady) {
      bubble.wanted = true;
      return REST_MS;
    }
    while (!socket.isFree(reqId) && socket.isReady) await clock.sleep(ACK_LOOK_MS);
    if (bubble.over.signal.aborted) return 0;
    const spare = snapshot.finish ? {} : { spare: SPARE_PLACES, hourSpare: HOUR_SPARE_PLACES };
    const waitMs = await budget.reserve(chatKey(chat), { exact: true, ...spare });
    if (waitMs > 0) {
      bubble.wanted = true;
      return Math.min(waitMs, REST_MS);
    }
    const { content, finish } = snapshot;
    const feedback = this.feedbackFor(streamId);
    const body = bodyOf(streamReply({ streamId, content, finish, ...feedback }));
    try {
      await socket.send("aibot_respond_msg", reqId, body);
      bubble.shown = content;
      if (finish) this.#close(bubble);
      return FRAME_EVERY_MS;
    } catch (error) {
      const errcode = error instanceof YingdaError ? error.details.errcode : undefined;
      if (isWindowOver(typeof errcode === "number" ? errcode : undefined)) this.#close(bubble);
      if (feedback.feedbackId !== undefined) bubble.unopened = true;
      bubble.wanted = true;
      return REST_MS;
    }
  }
}
