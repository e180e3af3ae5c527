import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { retry } from "../base/retry.ts";
import { failureOf, OK, TRANSIENT_ERRCODES } from "./api-errors.ts";
import { DEFAULT_TIMEOUTS, exchangeJson, type Fetch, PATIENCE, type Timeouts } from "./http-exchange.ts";
import { markdownBody } from "./payloads.ts";

const CALL = "response_url";

const answerSchema = z.object({ errcode: z.number().int(), errmsg: z.string().default("") });

/**
 * Answers a bot message a second time, by the address that came with it (wecom-protocol 4.9): once, within an hour.
 * The address is a secret and was kept in a store, so its host and scheme are checked before anything is sent there.
 */
export class ResponseUrlClient {
  readonly #allowedHost: string;
  readonly #allowedProtocol: string;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #fetch: Fetch;
  readonly #timeouts: Timeouts;

  /**
   * `allowedHost`: host[:port] of WECOM_API_BASE. `allowedProtocol`: its scheme; by default `https:`, or `http:` for a
   * loopback host, where the simulator runs.
   */
  constructor(options: {
    allowedHost: string;
    allowedProtocol?: "https:" | "http:";
    events: Events;
    clock: Clock;
    fetch?: Fetch;
    timeouts?: Timeouts;
  }) {
    this.#allowedHost = options.allowedHost.toLowerCase();
    this.#allowedProtocol = options.allowedProtocol ?? (isLoopback(this.#allowedHost) ? "http:" : "https:");
    this.#events = options.events;
    this.#clock = options.clock;
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  }

  /**
   * Posts a markdown message of at most 20480 bytes. A try of unknown outcome is repeated: the address works once.
   * @throws YingdaError `wecom_refused` (not retryable) when the address is not WeCom's, is used up or an hour old;
   *   `wecom_unreachable` or `wecom_rate_limited` (retryable) when it may still work later.
   */
  async sendMarkdown(message: {
    responseUrl: string;
    content: string;
    feedbackId?: string;
    signal: AbortSignal;
    traceId: string;
  }): Promise<void> {
    const url = this.#checked(message.responseUrl);
    const body = markdownBody(message.content, message.feedbackId);
    const options = { ...PATIENCE, clock: this.#clock, signal: message.signal };
    const failed = await retry(() => this.#try(url, body, message), options);
    if (failed !== undefined) throw failed;
  }

  #checked(responseUrl: string): URL {
    const url = URL.parse(responseUrl);
    const isOurs =
      url !== null &&
      url.protocol === this.#allowedProtocol &&
      url.host === hostIn(this.#allowedProtocol, this.#allowedHost) &&
      url.username === "" &&
      url.password === "";
    if (isOurs) return url;
    throw new YingdaError("wecom_refused", "the response_url is not on WECOM_API_BASE's host; nothing was sent to it");
  }

  /** Throws what a further try may mend, returns the rest. */
  async #try(
    url: URL,
    body: string,
    message: { signal: AbortSignal; traceId: string },
  ): Promise<YingdaError | undefined> {
    const startedAtMs = this.#clock.nowMs();
    const told = (errcode: number | string) =>
      this.#events.wecomCalled({
        call: CALL,
        errcode,
        tookMs: this.#clock.nowMs() - startedAtMs,
        traceId: message.traceId,
      });
    let answer: { errcode: number; errmsg: string };
    try {
      answer = await this.#post(url, body, message.signal);
    } catch (error) {
      told(error instanceof YingdaError ? String(error.details.network ?? error.code) : codeOf(error));
      throw error;
    }
    told(answer.errcode);
    if (answer.errcode === OK) return undefined;
    const { error } = failureOf(CALL, answer.errcode, answer.errmsg);
    if (TRANSIENT_ERRCODES.has(answer.errcode)) throw error;
    return error;
  }

  async #post(url: URL, body: string, signal: AbortSignal): Promise<{ errcode: number; errmsg: string }> {
    const json = await exchangeJson({ fetch: this.#fetch, url, body, timeouts: this.#timeouts, signal });
    // What a success looks like is not documented: HTTP 200 with an empty body is one too.
    const answer = answerSchema.safeParse(json ?? { errcode: OK });
    if (answer.success) return answer.data;
    throw new YingdaError("wecom_refused", "the response_url gave an answer without errcode; check WECOM_API_BASE");
  }
}

/** As the URL parser writes it: without the scheme's own port. */
function hostIn(protocol: string, host: string): string | undefined {
  return URL.parse(`${protocol}//${host}`)?.host;
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host);
}
