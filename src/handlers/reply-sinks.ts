import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Reply } from "../conversation/reply.ts";
import type { DeliveryOptions, PlannedPart, ReplySink } from "../conversation/reply-sink.ts";
import { type Language, TEXTS } from "../conversation/texts.ts";
import type { ConversationDesk } from "../session/conversations.ts";
import { SENT_TTL_MS } from "../session/keys.ts";
import type { SendBudget } from "../session/send-budget.ts";
import { type AnswerPicture, type Snapshot, STREAM_LIFE_MS } from "../session/snapshots.ts";
import type { WeComApi } from "../wecom/api-client.ts";
import { APP_TEXT_BYTES_MAX } from "../wecom/payloads.ts";
import { plainMarkdown } from "../wecom/plain-markdown.ts";
import type { ResponseUrlClient } from "../wecom/response-url.ts";
import { splitText } from "../wecom/text-split.ts";
import { BUBBLE_TEXT_BYTES_MAX, fittedBubble, lateBubble, NOTICE_BYTES } from "./bubble-text.ts";
import { GrowingText } from "./growing-text.ts";

/** Snapshots of one bubble are written this far apart: WeCom polls about once a second, and the eye wants less than this. */
const SHOW_EVERY_MS = 150;
/** Invisible digits: make equal answers differ for WeCom's duplicate check, and for nobody else. */
const MARK_DIGITS = ["\u200b", "\u200c"];

/**
 * Self-built app: text messages of at most 2048 bytes without markdown, in order, then pictures (wecom-protocol 3.2, 3.5). A
 * picture whose sender crashed before it was noted is uploaded anew, so it may come twice. `onSent` hears WeCom's id of each, by
 * which it can be taken back; what it throws is nobody's loss.
 */
export function appSink(
  api: Pick<WeComApi, "sendText" | "uploadImage" | "sendImage">,
  toUser: string,
  budget: Pick<SendBudget, "reserve">,
  onSent: (msgId: string) => Promise<void> = async () => {},
): ReplySink {
  /** By part: the same upload again is the same request, which WeCom's duplicate check knows. */
  const uploads = new Map<number, string>();
  const uploaded = async (picture: AnswerPicture, { index, ...how }: DeliveryOptions): Promise<string> => {
    const mediaId = uploads.get(index) ?? (await api.uploadImage(picture, how));
    uploads.set(index, mediaId);
    return mediaId;
  };
  return {
    checksDuplicates: true,
    show() {
      // The app's chat has no message that can be changed while it grows.
    },
    plan(answer, _language, pictures = []) {
      const texts = splitText(plainMarkdown(answer), APP_TEXT_BYTES_MAX - NOTICE_BYTES);
      return [...texts.map((text): PlannedPart => ({ text, via: "push" })), ...picturePushes(pictures)];
    },
    async deliver(part, options) {
      const { mark, traceId, signal } = options;
      const waitMs = await budget.reserve(toUser);
      if (waitMs > 0) {
        const why = "WeCom would drop this push without a word: the member has had as many as it allows.";
        throw new YingdaError("wecom_rate_limited", why, {
          retryable: true,
          retryAfterMs: waitMs,
          details: { sent: "no" },
        });
      }
      const [picture] = part.pictures ?? [];
      const how = { toUser, duplicateCheckSeconds: SENT_TTL_MS / 1000, traceId, signal };
      const { msgId } =
        picture === undefined
          ? await api.sendText({ ...how, content: part.text + invisible(mark) })
          : await api.sendImage({ ...how, mediaId: await uploaded(picture, options) });
      if (msgId !== null) await onSent(msgId).catch(() => undefined);
    },
    close() {
      // Nothing is held.
    },
  };
}

/** Pictures as parts of their own, behind the text. */
export function picturePushes(pictures: readonly AnswerPicture[]): PlannedPart[] {
  return pictures.map((picture) => ({ text: "", via: "push", pictures: [picture] }));
}

export interface BotSinkParts {
  desk: ConversationDesk<Reply>;
  streamId: string;
  responseUrl: string | undefined;
  responseUrls: Pick<ResponseUrlClient, "sendMarkdown">;
  receivedAtMs: number;
  language: Language;
  clock: Clock;
}

/** AI bot over HTTP: one bubble that polls read, and one message by `response_url` for what does not fit or comes late. */
export class BotSink implements ReplySink {
  readonly checksDuplicates = false;
  readonly #parts: BotSinkParts;
  readonly #expiresAtMs: number;
  readonly #growing: GrowingText;
  #late: Promise<unknown> = Promise.resolve();
  readonly #closed = new AbortController();

  constructor(parts: BotSinkParts) {
    const { clock, receivedAtMs } = parts;
    this.#parts = parts;
    this.#expiresAtMs = receivedAtMs + STREAM_LIFE_MS;
    this.#growing = new GrowingText({
      write: async (text) => void (await this.#write(fittedBubble(text), false)),
      everyMs: SHOW_EVERY_MS,
      clock,
    });
    const lifeLeftMs = Math.max(0, this.#expiresAtMs - clock.nowMs());
    clock.sleep(lifeLeftMs, this.#closed.signal).then(
      () => this.#finishLate(),
      () => undefined,
    );
  }

  show(textSoFar: string): void {
    this.#growing.show(textSoFar);
  }

  plan(answer: string, language: Language, pictures: readonly AnswerPicture[] = []): PlannedPart[] {
    const [first, ...rest] = this.#planTexts(answer, language);
    if (first === undefined || pictures.length === 0) return [...(first === undefined ? [] : [first]), ...rest];
    return [{ ...first, pictures }, ...rest];
  }

  #planTexts(answer: string, language: Language): PlannedPart[] {
    const late = this.#isLate();
    const { responseUrl } = this.#parts;
    const [first = "", ...rest] = splitText(answer, BUBBLE_TEXT_BYTES_MAX);
    if (late)
      return [{ text: endedAt(first, rest, language), via: responseUrl === undefined ? "stream" : "response_url" }];
    if (rest.length === 0) return [{ text: first, via: "stream" }];
    if (responseUrl === undefined) return [{ text: endedAt(first, rest, language), via: "stream" }];
    const [second = "", ...third] = rest;
    return [
      { text: `${first}\n\n${TEXTS[language].continued}`, via: "stream" },
      { text: endedAt(second, third, language), via: "response_url" },
    ];
  }

  async deliver(part: PlannedPart, { again, traceId, signal }: DeliveryOptions): Promise<void> {
    await this.#growing.end();
    await this.#late;
    const { responseUrl, responseUrls, language } = this.#parts;
    if (await this.#isInBubble(part)) return;
    if (responseUrl === undefined) {
      throw new YingdaError("wecom_refused", "The bubble's six minutes are over and the message has no response_url.");
    }
    // Markdown alone goes this way (wecom-protocol 4.9).
    const content = part.pictures === undefined ? part.text : `${part.text}\n\n${TEXTS[language].picturesTooLate}`;
    try {
      await responseUrls.sendMarkdown({ responseUrl, content, traceId, signal });
    } catch (error) {
      // The address takes one use (wecom-protocol 4.9). Refused after a try whose answer was not seen: that try arrived.
      if (!(again && codeOf(error) === "wecom_refused")) throw error;
    }
  }

  close(): void {
    void this.#growing.end();
    this.#closed.abort();
  }

  /** Finishes the bubble, with the part if it is meant for it and in time. True when the part stands in it. */
  async #isInBubble({ text, via, pictures }: PlannedPart): Promise<boolean> {
    const late = this.#isLate();
    if (via !== "stream" && !late) return false;
    const finished = late ? await this.#write(this.#lateText(), true) : await this.#write(text, true, pictures);
    // One that was finished before stays as it was: by an earlier try of this part, or without it.
    return via === "stream" && (finished === null ? !late : finished.content === text);
  }

  #isLate(): boolean {
    return this.#parts.clock.nowMs() >= this.#expiresAtMs;
  }

  /** The bubble's life ends before the answer: it is finished with a sentence; the answer follows as a new message. */
  #finishLate(): void {
    if (this.#growing.ended) return;
    this.#late = this.#growing
      .end()
      .then(() => this.#write(this.#lateText(), true))
      .catch(() => undefined);
  }

  #lateText(): string {
    return lateBubble(this.#growing.latest, this.#parts.language);
  }

  /** Resolves with the finished snapshot when there was one already: it stays. */
  async #write(content: string, finish: boolean, pictures?: readonly AnswerPicture[]): Promise<Snapshot | null> {
    const { desk, streamId } = this.#parts;
    const snapshot = { content, finish, expiresAtMs: this.#expiresAtMs };
    return desk.show(streamId, pictures === undefined ? snapshot : { ...snapshot, pictures });
  }
}

/** Nothing for 0; else the number in binary, so that any count of equal answers stays apart in a few characters. */
export function invisible(mark: number): string {
  if (mark === 0) return "";
  return [...mark.toString(2)].map((digit) => MARK_DIGITS[Number(digit)] ?? "").join("");
}

/** What fits, and a plain sentence when something does not: nothing is cut silently. */
function endedAt(text: string, rest: string[], language: Language): string {
  return rest.length === 0 ? text : `${text}\n\n${TEXTS[language].cutAtLimit}`;
}
