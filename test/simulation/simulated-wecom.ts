import { YingdaError } from "../../src/base/errors.ts";
import type { WeComApi } from "../../src/wecom/api-client.ts";
import { APP_TEXT_BYTES_MAX, STREAM_BYTES_MAX } from "../../src/wecom/payloads.ts";
import type { ResponseUrlClient } from "../../src/wecom/response-url.ts";
import type { History } from "./history.ts";
import type { Random } from "./random.ts";
import type { SendFate } from "./scenario.ts";
import type { Life, Scheduled, VirtualTime } from "./virtual-time.ts";

/** How long the real clients wait for an answer. */
const ANSWER_TIMEOUT_MS = 8_000;
const WHOLE_TIMEOUT_MS = 12_000;
const RATE_LIMIT_BLOCK_MS = 60_000;
const PUSHES_PER_MINUTE_MAX = 30;

export const RESENT = "wecom: a part that was noted as sent went out again";

type Sends = Pick<WeComApi, "sendText" | "uploadImage" | "sendImage"> & Pick<ResponseUrlClient, "sendMarkdown">;
/** What WeCom does with a request that has reached it: null when it is taken, else why it is refused. */
type Arrive = () => YingdaError | null;

/** WeCom's side of what goes out: members' chats, its duplicate check and its addresses of one use. */
export class SimulatedWeCom {
  readonly #time: VirtualTime;
  readonly #history: History;
  readonly #random: Random;
  readonly #fates: Record<SendFate, number>;
  /** Member and text → until when an equal request is not delivered again (wecom-protocol 3.2). */
  readonly #delivered = new Map<string, number>();
  readonly #pushedAtMs = new Map<string, number[]>();
  readonly #usedUrls = new Set<string>();
  /** After a rate limit WeCom refuses the same for a minute (3.3). */
  readonly #blockedUntilMs = new Map<string, number>();
  #onTheWay = 0;
  #quiet = false;

  constructor(parts: { time: VirtualTime; history: History; random: Random; fates: Record<SendFate, number> }) {
    this.#time = parts.time;
    this.#history = parts.history;
    this.#random = parts.random;
    this.#fates = parts.fates;
  }

  /** From now on nothing fails. */
  beQuiet(): void {
    this.#quiet = true;
    this.#blockedUntilMs.clear();
  }

  /** Requests that may still arrive. */
  get onTheWay(): number {
    return this.#onTheWay;
  }

  /** The two clients of one process. */
  clientsOf(life: Life): Sends {
    return {
      sendText: async ({ toUser, content, duplicateCheckSeconds = 0, traceId, signal }) => {
        this.#noteResend(traceId, content);
        await this.#send(life, signal, `push to ${toUser}`, () =>
          this.#push(toUser, content, duplicateCheckSeconds * 1000, traceId),
        );
        return { msgId: null };
      },
      uploadImage: async ({ md5 }, { signal }) => {
        await this.#send(life, signal, "upload", () => null);
        return md5;
      },
      sendImage: async ({ toUser, mediaId, duplicateCheckSeconds, traceId, signal }) => {
        await this.#send(life, signal, `picture to ${toUser}`, () =>
          this.#push(toUser, mediaId, duplicateCheckSeconds * 1000, traceId),
        );
        return { msgId: null };
      },
      sendMarkdown: async ({ responseUrl, content, traceId, signal }) => {
        await this.#send(life, signal, `response_url of ${traceId}`, () =>
          this.#respond(responseUrl, content, traceId),
        );
      },
    };
  }

  /** Counts when a part goes out that was noted as sent: who goes on from the journal does not send it again. */
  #noteResend(traceId: string, content: string): void {
    const message = this.#history.byTrace(traceId);
    const noted = message === undefined ? 0 : (this.#history.partsNoted.get(message.id) ?? 0);
    if (noted === 0) return;
    const pushes = this.#history.effects.filter((one) => one.messageId === message?.id && one.kind === "push");
    const index = pushes.findIndex((one) => one.content === content);
    if (index >= 0 && index < noted) this.#history.count(RESENT);
  }

  #push(toUser: string, content: string, intervalMs: number, traceId: string): YingdaError | null {
    if (Buffer.byteLength(content) > APP_TEXT_BYTES_MAX) this.#history.complain(`a push of ${traceId} is too long`);
    const key = `${toUser}\n${content}`;
    const until = this.#delivered.get(key);
    if (until !== undefined && this.#time.nowMs < until) {
      this.#history.count("wecom: duplicate dropped");
      return null;
    }
    this.#delivered.set(key, this.#time.nowMs + intervalMs);
    if (this.#isOneTooMany(toUser)) {
      this.#history.count("wecom: dropped without a word");
      return null;
    }
    this.#deliver("push", traceId, content, toUser);
    return null;
  }

  /** What a member gets beyond 30 messages in a minute is accepted and dropped (wecom-protocol 3.3). */
  #isOneTooMany(toUser: string): boolean {
    const sinceMs = this.#time.nowMs - 60_000;
    const lately = (this.#pushedAtMs.get(toUser) ?? []).filter((atMs) => atMs > sinceMs);
    this.#pushedAtMs.set(toUser, [...lately, this.#time.nowMs]);
    return lately.length >= PUSHES_PER_MINUTE_MAX;
  }

  #respond(url: string, content: string, traceId: string): YingdaError | null {
    if (Buffer.byteLength(content) > STREAM_BYTES_MAX) this.#history.complain(`a response of ${traceId} is too long`);
    if (this.#usedUrls.has(url)) {
      this.#history.count("wecom: response_url used up");
      return new YingdaError("wecom_refused", "The address was used before.");
    }
    this.#usedUrls.add(url);
    this.#deliver("response_url", traceId, content, url);
    return null;
  }

  #deliver(kind: "push" | "response_url", traceId: string, content: string, to: string): void {
    const message = this.#history.byTrace(traceId);
    if (message === undefined) {
      this.#history.complain(`something was sent under the unknown trace id ${traceId}`);
      return;
    }
    const expected = message.reply.kind === "app" ? message.reply.toUser : message.reply.responseUrl;
    if (to !== expected) this.#history.complain(`the answer to ${message.id} was sent to somebody else`);
    const { id: messageId, conversationId } = message;
    this.#history.effect({ kind, messageId, conversationId, content, finished: true });
  }

  /** One request: it may arrive or not, now or later, and its sender may hear of it or not. */
  #send(life: Life, signal: AbortSignal, what: string, arrive: Arrive): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal.aborted) {
      reject(signal.reason);
      return promise;
    }
    const fate = this.#quiet ? "ok" : this.#random.weighted(this.#fates);
    if (fate !== "ok") this.#history.count(`wecom: ${fate}`);
    this.#history.note(() => `${life.name} ${what} (${fate})`);
    const random = this.#random;
    const { nowMs } = this.#time;
    const timeouts = { answer: nowMs + ANSWER_TIMEOUT_MS, whole: nowMs + WHOLE_TIMEOUT_MS };
    let arrival: Scheduled | null = null;
    const onAbort = (): void => {
      // The connection is closed; what was sent may have got there, or may still.
      if (random.chance(0.5)) arrival?.cancel();
      reject(signal.reason);
    };
    const settle = (atMs: number, how: () => void): void => {
      life.wake(atMs, () => {
        signal.removeEventListener("abort", onAbort);
        how();
      });
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const fail = (atMs: number, error: YingdaError): void => settle(atMs, () => reject(error));
    const arriveIn = (ms: number, answered: boolean): void => {
      arrival = this.#arriveAt(
        nowMs + ms,
        life,
        (refusal) => {
          if (!answered) return;
          const atMs = this.#time.nowMs + random.int(10, 200);
          if (refusal === null) settle(atMs, resolve);
          else fail(atMs, refusal);
        },
        () => (this.#time.nowMs < (this.#blockedUntilMs.get(what) ?? 0) ? rateLimited() : arrive()),
      );
    };
    switch (fate) {
      case "ok":
        arriveIn(random.int(10, 200), true);
        break;
      case "slow":
        arriveIn(random.int(500, 7_000), true);
        break;
      case "never sent":
        fail(nowMs + random.int(1, 50), unreachable("no"));
        break;
      case "lost before":
        fail(random.chance(0.5) ? timeouts.answer : nowMs + random.int(10, 500), unreachable("perhaps"));
        break;
      case "lost after":
        arriveIn(random.int(10, 200), false);
        fail(random.chance(0.5) ? timeouts.answer : nowMs + random.int(200, 500), unreachable("perhaps"));
        break;
      case "late":
        arriveIn(random.int(ANSWER_TIMEOUT_MS, 20_000), false);
        fail(timeouts.answer, unreachable("perhaps"));
        break;
      case "hangs":
        fail(timeouts.whole, unreachable("perhaps"));
        break;
      case "busy":
        fail(nowMs + random.int(10, 200), new YingdaError("wecom_unreachable", "WeCom is busy", { retryable: true }));
        break;
      case "rate limited":
        this.#blockedUntilMs.set(what, nowMs + RATE_LIMIT_BLOCK_MS);
        fail(nowMs + random.int(10, 200), rateLimited());
        break;
      case "refused":
        fail(nowMs + random.int(10, 200), new YingdaError("wecom_recipient", "WeCom does not know the member"));
        break;
    }
    return promise;
  }

  #arriveAt(atMs: number, life: Life, then: (refusal: YingdaError | null) => void, arrive: Arrive): Scheduled {
    this.#onTheWay += 1;
    let open = true;
    const close = (): void => {
      if (open) this.#onTheWay -= 1;
      open = false;
    };
    // A process that dies takes half of its requests with it.
    const sendsOn = this.#random.chance(0.5);
    const arrival = this.#time.at(atMs, () => {
      close();
      if (life.hasEnded && !sendsOn) return;
      then(arrive());
    });
    return {
      cancel() {
        close();
        arrival.cancel();
      },
    };
  }
}

function unreachable(sent: "no" | "perhaps"): YingdaError {
  return new YingdaError("wecom_unreachable", "WeCom did not answer.", { retryable: true, details: { sent } });
}

function rateLimited(): YingdaError {
  const options = { retryable: true, retryAfterMs: RATE_LIMIT_BLOCK_MS };
  return new YingdaError("wecom_rate_limited", "Too many calls.", options);
}
