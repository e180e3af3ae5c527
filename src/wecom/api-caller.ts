import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { retry } from "../base/retry.ts";
import type { Secret } from "../base/secret.ts";
import { AccessTokens, type TokenStore } from "./access-token.ts";
import { failureOf, OK, TOKEN_ERRCODES, TRANSIENT_ERRCODES } from "./api-errors.ts";
import {
  DEFAULT_TIMEOUTS,
  exchangeFile,
  exchangeJson,
  type Fetch,
  FILE_TIMEOUTS,
  PATIENCE,
  type Timeouts,
} from "./http-exchange.ts";

export interface ApiCallerOptions {
  /** `https://qyapi.weixin.qq.com`, or that of a private deployment or the simulator. */
  baseUrl: string;
  corpId: string;
  secret: Secret;
  tokenStore: TokenStore;
  events: Events;
  clock: Clock;
  fetch?: Fetch;
  /** Default: 8 s until the answer begins, 12 s in all, for each try. */
  timeouts?: Timeouts;
}

/** The same cause is told again only after this long, so that an outage is one line and not thousands. */
const ALERT_AGAIN_MS = 60 * 60_000;
/** Causes remembered; they are few, and addresses in them come from outside. */
const ALERTS_MAX = 64;

const answerSchema = z.looseObject({ errcode: z.number().int(), errmsg: z.string().default("") });
export type Answer = z.output<typeof answerSchema>;

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

export interface Call {
  /** As metrics and logs name it. */
  name: string;
  path: string;
  query: Record<string, string>;
  /** A JSON text, or a form with a file. */
  body?: string | FormData;
  /** Whether doing it twice does no harm, so that a try of unknown outcome may be repeated. */
  repeatable: boolean;
  /** The answer is a file of at most this many bytes; it comes as `file` of an answer with errcode 0. */
  fileBytesMax?: number;
  signal: AbortSignal;
  traceId?: string;
}

/**
 * How calls of the active API are made (wecom-protocol 3): with a token, once more with a fresh one where WeCom no longer
 * takes it, again while WeCom is busy (three tries), and one alert per cause and hour for what a person must mend.
 */
export class ApiCaller {
  readonly #options: ApiCallerOptions;
  readonly #baseUrl: string;
  readonly #fetch: Fetch;
  readonly #timeouts: Timeouts;
  readonly #tokens: AccessTokens;
  readonly #alertedAtMs = new Map<string, number>();

  /** @throws YingdaError `bad_config` for a base URL that cannot be one. */
  constructor(options: ApiCallerOptions) {
    if (!URL.canParse(options.baseUrl)) {
      throw new YingdaError("bad_config", "WECOM_API_BASE is a URL such as https://qyapi.weixin.qq.com");
    }
    this.#options = options;
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
    this.#tokens = new AccessTokens({
      fetchToken: (signal) => this.#fetchToken(signal),
      store: options.tokenStore,
      clock: options.clock,
    });
  }

  /** WeCom's answer, whatever its errcode: `read` judges it. Throws where there is none. */
  async ask(call: Call): Promise<Answer> {
    const first = await this.#token(call.signal);
    const answer = await this.#exchange({ ...call, query: { ...call.query, access_token: first } });
    if (!TOKEN_ERRCODES.has(answer.errcode)) return answer;
    await this.#tokens.reject(first);
    const second = await this.#token(call.signal);
    const again = await this.#exchange({ ...call, query: { ...call.query, access_token: second } });
    if (TOKEN_ERRCODES.has(again.errcode)) await this.#tokens.reject(second);
    return again;
  }

  /** What the schema says of a good answer. @throws YingdaError by errcode, see `failureOf`. */
  read<T extends z.ZodType>(callName: string, answer: Answer, schema: T): z.output<T> {
    if (answer.errcode !== OK) throw this.#failed(callName, answer);
    const read = schema.safeParse(answer);
    if (read.success) return read.data;
    throw new YingdaError("wecom_refused", `${callName} gave an answer that lacks fields; check WECOM_API_BASE`);
  }

  async #fetchToken(signal: AbortSignal): Promise<{ token: string; expiresInS: number }> {
    const name = "gettoken";
    const query = { corpid: this.#options.corpId, corpsecret: this.#options.secret.reveal() };
    const answer = await this.#exchange({ name, path: "/cgi-bin/gettoken", query, repeatable: true, signal });
    const token = this.read(name, answer, tokenSchema);
    return { token: token.access_token, expiresInS: token.expires_in };
  }

  /** Whatever kept us from a token, the call that needs it was not made. */
  async #token(signal: AbortSignal): Promise<string> {
    try {
      return await this.#tokens.get(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof YingdaError)) throw error;
      const { code, message, retryable, retryAfterMs, details, cause } = error;
      throw new YingdaError(code, message, {
        retryable,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        details: { ...details, sent: "no" },
        ...(cause === undefined ? {} : { cause }),
      });
    }
  }

  /** Tries until WeCom is not busy, at most three times; any other errcode is the answer. */
  async #exchange(call: Call): Promise<Answer> {
    const { clock } = this.#options;
    const outcome = await retry(() => this.#try(call), { ...PATIENCE, clock, signal: call.signal });
    if ("failed" in outcome) throw outcome.failed;
    return outcome.answer;
  }

  /** Throws what a further try may mend, returns the rest. */
  async #try(call: Call): Promise<{ answer: Answer } | { failed: YingdaError }> {
    const { clock, events } = this.#options;
    const startedAtMs = clock.nowMs();
    const told = (errcode: number | string) =>
      events.wecomCalled({
        call: call.name,
        errcode,
        tookMs: clock.nowMs() - startedAtMs,
        ...(call.traceId === undefined ? {} : { traceId: call.traceId }),
      });
    let answer: Answer;
    try {
      answer = await this.#request(call);
    } catch (error) {
      told(error instanceof YingdaError ? String(error.details.network ?? error.code) : codeOf(error));
      if (!(error instanceof YingdaError)) throw error;
      if (call.repeatable || error.details.sent === "no") throw error;
      return { failed: error };
    }
    told(answer.errcode);
    if (TRANSIENT_ERRCODES.has(answer.errcode)) throw failureOf(call.name, answer.errcode, answer.errmsg).error;
    return { answer };
  }

  async #request(call: Call): Promise<Answer> {
    const url = new URL(this.#baseUrl + call.path);
    for (const [name, value] of Object.entries(call.query)) url.searchParams.set(name, value);
    const answer = answerSchema.safeParse(await this.#send(call, url));
    if (answer.success) return answer.data;
    throw new YingdaError("wecom_refused", `${call.name} gave an answer without errcode; check WECOM_API_BASE`);
  }

  async #send(call: Call, url: URL): Promise<unknown> {
    const { signal, body, fileBytesMax } = call;
    const fetch = this.#fetch;
    const fileTimeouts = this.#options.timeouts ?? FILE_TIMEOUTS;
    if (fileBytesMax === undefined) {
      const timeouts = body instanceof FormData ? fileTimeouts : this.#timeouts;
      return exchangeJson({ fetch, url, ...(body === undefined ? {} : { body }), timeouts, signal });
    }
    const timeouts = fileTimeouts;
    const answer = await exchangeFile({ fetch, url, bytesMax: fileBytesMax, timeouts, signal });
    return answer?.bytes instanceof Buffer ? { errcode: OK, file: answer } : answer;
  }

  #failed(callName: string, answer: Answer): YingdaError {
    const { error, alert } = failureOf(callName, answer.errcode, answer.errmsg);
    if (alert !== undefined) this.#alertOnce(`${answer.errcode} ${alert.details.ip ?? ""}`, alert);
    return error;
  }

  #alertOnce(cause: string, alert: { code: string; message: string; details: Record<string, string | number> }): void {
    const now = this.#options.clock.nowMs();
    const before = this.#alertedAtMs.get(cause);
    if (before !== undefined && now - before < ALERT_AGAIN_MS) return;
    if (this.#alertedAtMs.size >= ALERTS_MAX) this.#alertedAtMs.clear();
    this.#alertedAtMs.set(cause, now);
    this.#options.events.alert(alert.code, alert.message, alert.details);
  }
}
