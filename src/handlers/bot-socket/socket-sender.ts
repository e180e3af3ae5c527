import { YingdaError } from "../../base/errors.ts";
import type { SocketChat } from "../../session/message.ts";
import type { RedisConnection } from "../../session/redis.ts";
import type { JobResult, OutboxEntry, SocketOutbox } from "../../session/socket-outbox.ts";
import { BotSocket } from "../../wecom/bot-socket.ts";
import { streamReply } from "../../wecom/payloads.ts";
import { isWindowOver } from "../../wecom/socket-errors.ts";
import { uploadImage } from "../../wecom/socket-upload.ts";
import { BubbleFrames, type FrameParts } from "./bubble-frames.ts";
import { type BubbleAddress, bodyOf, chatKey, type SocketJob } from "./jobs.ts";

const READ_BLOCK_MS = 2_000;
/** Pause after Redis failed, so that a dead Redis is not asked thousands of times a second. */
const STORE_PAUSE_MS = 500;
/** Jobs under way at once: one for each running turn. More wait in Redis instead of in memory here. */
const RUNNING_MAX = 1_000;
/** Of a conversation's places in a minute, so many are left to answers by what other systems say. */
const ACTIVE_SPARE_PLACES = 6;
/** A job waits so long for the connection to come back; then its sender decides. */
const LINK_WAIT_MS = 20_000;

export interface SenderParts extends FrameParts {
  outbox: SocketOutbox<SocketJob>;
  /** For blocking reads; a connection of its own. */
  reader: RedisConnection;
}

/** Sends what the outbox holds, as long as this process has the seat and the connection. */
export class SocketSender {
  readonly #parts: SenderParts;
  readonly #frames: BubbleFrames;
  readonly #running = new Set<Promise<void>>();
  #draining = false;
  #up = Promise.withResolvers<void>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#frames = new BubbleFrames(parts);
  }

  /** The connection is there: what waited for it goes on. */
  isUp(): void {
    this.#up.resolve();
    this.#up = Promise.withResolvers<void>();
  }

  /** A message was just kept: its bubble opens with an empty frame, so that the member sees that it was received. */
  open(address: BubbleAddress): void {
    this.#frames.open(address);
  }

  /** Reads and sends until the signal aborts. `token` is the seat's: results count only while it is ours. */
  async run(token: string, signal: AbortSignal): Promise<void> {
    const { outbox, reader, clock, log } = this.#parts;
    // From the beginning: what an earlier holder left unfinished comes first.
    let lastId = "0-0";
    while (!signal.aborted && !this.#draining) {
      try {
        const entries = await outbox.take(reader, lastId, READ_BLOCK_MS);
        if (signal.aborted || this.#draining) return;
        for (const entry of entries) {
          lastId = entry.entryId;
          if (entry.job.kind === "show") this.#frames.show(entry.job);
          else this.#run(this.#settle(entry, token, signal));
        }
        if (this.#running.size >= RUNNING_MAX) await Promise.race(this.#running);
      } catch (error) {
        if (signal.aborted) return;
        log.debug({ err: error }, "the long connection's outbox waits for Redis");
        await clock.sleep(STORE_PAUSE_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Takes nothing new; resolves when what is under way has its ack, or after `ms`: a frame that is cut off is sent again. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    const done = new AbortController();
    const limit = this.#parts.clock.sleep(ms, done.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), limit]);
    done.abort();
  }

  #run(work: Promise<void>): void {
    const running = work
      .catch((error: unknown) => this.#parts.log.warn({ err: error }, "what became of a frame could not be noted"))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #settle(entry: OutboxEntry<SocketJob>, token: string, signal: AbortSignal): Promise<void> {
    const result = await this.#resultOf(entry.job, signal);
    // The seat is lost, or the process ends: the next holder sends it.
    while (!signal.aborted) {
      try {
        await this.#parts.outbox.settle(token, entry, result);
        return;
      } catch (error) {
        // Whoever waits must hear that it was sent, or it is sent again.
        this.#parts.log.debug({ err: error }, "what became of a frame waits for Redis");
        await this.#parts.clock.sleep(STORE_PAUSE_MS, signal).catch(() => undefined);
      }
    }
  }

  async #resultOf(job: SocketJob, signal: AbortSignal): Promise<JobResult> {
    try {
      await this.#linkUp(signal);
      await this.#do(job);
      return { ok: true };
    } catch (error) {
      const known =
        error instanceof YingdaError
          ? error
          : new YingdaError("internal", "a frame of the long connection could not be made");
      if (known !== error && !signal.aborted)
        this.#parts.log.error({ err: error }, "a job for the long connection failed");
      const { errcode } = known.details;
      return {
        ok: false,
        code: known.code,
        message: known.message,
        retryable: known.retryable,
        sent: known.details.sent === "no" ? "no" : "perhaps",
        ...(typeof errcode === "number" ? { errcode } : {}),
        ...(known.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
      };
    }
  }

  async #linkUp(signal: AbortSignal): Promise<void> {
    const { socket, clock } = this.#parts;
    if (socket.isReady) return;
    const late = new AbortController();
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    await Promise.race([
      this.#up.promise,
      ended.promise,
      clock.sleep(LINK_WAIT_MS, late.signal).catch(() => undefined),
    ]);
    late.abort();
  }

  async #do(job: SocketJob): Promise<void> {
    const { budget, clock, socket } = this.#parts;
    if (job.kind === "show") return;
    if (clock.nowMs() > job.expiresAtMs) {
      throw new YingdaError("wecom_unreachable", "nobody waits for this any more", {
        // A sender that still waits gives it anew, with a time of its own.
        retryable: true,
        details: { sent: "no" },
      });
    }
    if (job.kind === "finish") await this.#frames.end(job);
    const spare = job.kind === "push" && job.active === true ? ACTIVE_SPARE_PLACES : 0;
    const waitMs = await budget.reserve(chatKey(job.chat), { exact: true, spare });
    if (waitMs > 0) {
      throw new YingdaError("wecom_rate_limited", "the conversation has had as many messages as WeCom allows", {
        retryable: true,
        retryAfterMs: waitMs,
        details: { sent: "no" },
      });
    }
    if (job.kind === "finish") {
      const { streamId, reqId, content } = job;
      const feedback = this.#frames.feedbackFor(streamId);
      await socket.send(
        "aibot_respond_msg",
        reqId,
        bodyOf(streamReply({ streamId, content, finish: true, ...feedback })),
      );
      return;
    }
    if (job.kind === "push") return this.#push(job.chat, job.message);
    const mediaId = await uploadImage(socket, job.picture);
    const message = { msgtype: "image", image: { media_id: mediaId } };
    try {
      await socket.send("aibot_respond_msg", job.reqId, message);
    } catch (error) {
      const errcode = error instanceof YingdaError ? error.details.errcode : undefined;
      if (!isWindowOver(typeof errcode === "number" ? errcode : undefined)) throw error;
      await this.#push(job.chat, message);
    }
  }

  async #push(chat: SocketChat, message: Record<string, unknown>): Promise<void> {
    await this.#parts.socket.send("aibot_send_msg", BotSocket.newReqId(), {
      chatid: chat.id,
      chat_type: chat.kind === "single" ? 1 : 2,
      ...message,
    });
  }
}
