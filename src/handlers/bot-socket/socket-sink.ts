import type { Clock } from "../../base/clock.ts";
import { codeOf, type ErrorCode, YingdaError } from "../../base/errors.ts";
import type { Reply } from "../../conversation/reply.ts";
import type { DeliveryOptions, PlannedPart, ReplySink } from "../../conversation/reply-sink.ts";
import { type Language, TEXTS } from "../../conversation/texts.ts";
import type { ConversationDesk } from "../../session/conversations.ts";
import { type AnswerPicture, STREAM_LIFE_MS } from "../../session/snapshots.ts";
import type { JobResult, SocketOutbox } from "../../session/socket-outbox.ts";
import { markdownBody } from "../../wecom/payloads.ts";
import type { ResponseUrlClient } from "../../wecom/response-url.ts";
import { isWindowOver } from "../../wecom/socket-errors.ts";
import { splitText } from "../../wecom/text-split.ts";
import { BUBBLE_TEXT_BYTES_MAX, fittedBubble, lateBubble } from "../bubble-text.ts";
import { GrowingText } from "../growing-text.ts";
import { picturePushes } from "../reply-sinks.ts";
import { type BubbleAddress, bodyOf, type SocketJob } from "./jobs.ts";

/** Hints about one bubble are this far apart; the holder of the connection paces the frames itself. */
const SHOW_EVERY_MS = 300;
/** A job that was not sent within this has no turn that waits for it any more. */
const JOB_LIFE_MS = 6 * 60_000;

export interface SocketSinkParts extends BubbleAddress {
  desk: ConversationDesk<Reply>;
  outbox: SocketOutbox<SocketJob>;
  responseUrl: string | undefined;
  responseUrls: Pick<ResponseUrlClient, "sendMarkdown">;
  receivedAtMs: number;
  language: Language;
  clock: Clock;
}

/**
 * AI bot over the long connection: one bubble that grows by frames, and messages of their own for what does not fit, comes
 * late, or meets a callback that takes no reply any more. The connection may be another process's: everything goes through
 * the outbox, under ids by which a turn that goes on after a crash sends nothing twice.
 */
export class SocketSink implements ReplySink {
  readonly checksDuplicates = false;
  readonly #parts: SocketSinkParts;
  readonly #expiresAtMs: number;
  readonly #growing: GrowingText;
  readonly #closed = new AbortController();
  #late: Promise<unknown> = Promise.resolve();

  constructor(parts: SocketSinkParts) {
    const { clock, receivedAtMs, desk, outbox, streamId, reqId, chat } = parts;
    this.#parts = parts;
    this.#expiresAtMs = receivedAtMs + STREAM_LIFE_MS;
    const expiresAtMs = this.#expiresAtMs;
    this.#growing = new GrowingText({
      async write(text) {
        await desk.show(streamId, { content: fittedBubble(text), finish: false, expiresAtMs });
        await outbox.hint({ kind: "show", streamId, reqId, chat });
      },
      everyMs: SHOW_EVERY_MS,
      clock,
    });
    clock.sleep(Math.max(0, this.#expiresAtMs - clock.nowMs()), this.#closed.signal).then(
      () => this.#finishLate(),
      () => undefined,
    );
  }

  show(textSoFar: string): void {
    this.#growing.show(textSoFar);
  }

  plan(answer: string, language: Language, pictures: readonly AnswerPicture[] = []): PlannedPart[] {
    const texts = splitText(answer, BUBBLE_TEXT_BYTES_MAX);
    const inBubble = this.#isLate() ? 0 : 1;
    const parts = texts.map((text, index): PlannedPart => {
      const goesOn = index < texts.length - 1 ? `\n\n${TEXTS[language].continued}` : "";
      return { text: `${text}${goesOn}`, via: this.#routeOf(index - inBubble) };
    });
    // A bubble takes none here (wecom-protocol 5.4).
    return [...parts, ...picturePushes(pictures)];
  }

  /** The address takes one use, and tells a repeat of it apart, which a push does not: it is for the first new message. */
  #routeOf(message: number): PlannedPart["via"] {
    if (message < 0) return "stream";
    return message === 0 && this.#parts.responseUrl !== undefined ? "response_url" : "push";
  }

  async deliver(part: PlannedPart, options: DeliveryOptions): Promise<void> {
    await this.#growing.end();
    await this.#late;
    const { index, again, signal } = options;
    const [picture] = part.pictures ?? [];
    if (picture !== undefined) return this.#sendPicture(picture, options);
    const late = this.#isLate();
    if (part.via === "stream" && (!late || again) && (await this.#finish(part.text, "end", signal))) return;
    // Whoever began this turn may not have lived to do it.
    if (late && index === 0) await this.#finishWithNotice(signal);
    await this.#push(part, options);
  }

  close(): void {
    void this.#growing.end();
    this.#closed.abort();
  }

  #isLate(): boolean {
    return this.#parts.clock.nowMs() >= this.#expiresAtMs;
  }

  #finishLate(): void {
    if (this.#growing.ended) return;
    this.#late = this.#growing.end().then(() => this.#finishWithNotice(this.#closed.signal));
  }

  /** The answer follows as a message of its own, whether or not this still reached its bubble. */
  async #finishWithNotice(signal: AbortSignal): Promise<void> {
    const text = lateBubble(this.#growing.latest, this.#parts.language);
    await this.#finish(text, "late", signal).catch(() => undefined);
  }

  /** True when the text stands in the bubble, false when WeCom takes no more of it. */
  async #finish(content: string, name: "end" | "late" | "sorry", signal: AbortSignal): Promise<boolean> {
    const { streamId, reqId, chat, desk, outbox, clock } = this.#parts;
    const expiresAtMs = clock.nowMs() + JOB_LIFE_MS;
    const result = await outbox.send(
      `${streamId}:${name}`,
      { kind: "finish", streamId, reqId, chat, content, expiresAtMs },
      signal,
    );
    if (!result.ok && isWindowOver(result.errcode)) return false;
    if (!result.ok && !result.retryable && name === "end") await this.#finishNeutrally(signal);
    throwFailed(result);
    // For whoever looks at the bubble later; what the member sees is settled.
    await desk.show(streamId, { content, finish: true, expiresAtMs: this.#expiresAtMs });
    return true;
  }

  /** WeCom took the text itself amiss (5.8: 40201): the bubble must end all the same, it takes one of the member's places. */
  async #finishNeutrally(signal: AbortSignal): Promise<void> {
    const text = TEXTS[this.#parts.language].failed("wecom_refused");
    await this.#finish(text, "sorry", signal).catch(() => undefined);
  }

  async #sendPicture(picture: AnswerPicture, { index, signal }: DeliveryOptions): Promise<void> {
    const { streamId, reqId, chat, outbox, clock } = this.#parts;
    const expiresAtMs = clock.nowMs() + JOB_LIFE_MS;
    const job: SocketJob = { kind: "picture", streamId, reqId, chat, picture, expiresAtMs };
    throwFailed(await outbox.send(`${streamId}:picture${index}`, job, signal));
  }

  async #push({ text, via }: PlannedPart, { index, again, traceId, signal }: DeliveryOptions): Promise<void> {
    const { streamId, chat, outbox, clock, responseUrl, responseUrls } = this.#parts;
    if (via === "response_url" && responseUrl !== undefined) {
      try {
        await responseUrls.sendMarkdown({ responseUrl, content: text, traceId, signal });
        return;
      } catch (error) {
        if (codeOf(error) !== "wecom_refused") throw error;
        // Refused after a try whose answer was not seen: that try arrived. Else it is too old.
        if (again) return;
      }
    }
    // The whole answer, not its rest: a thumb on it is a thumb on the turn.
    const message = bodyOf(markdownBody(text, index === 0 ? streamId : undefined));
    const expiresAtMs = clock.nowMs() + JOB_LIFE_MS;
    throwFailed(await outbox.send(`${streamId}:push${index}`, { kind: "push", chat, message, expiresAtMs }, signal));
  }
}

/** Throws what the holder of the connection was told. */
export function throwFailed(result: JobResult): void {
  if (result.ok) return;
  const { code, message, retryable, sent, errcode, retryAfterMs } = result;
  throw new YingdaError(code as ErrorCode, message, {
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    details: { sent, ...(errcode === undefined ? {} : { errcode }) },
  });
}
