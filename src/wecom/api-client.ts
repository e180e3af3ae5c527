import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { retry } from "../base/retry.ts";
import type { Secret } from "../base/secret.ts";
import { AccessTokens, type TokenStore } from "./access-token.ts";
import { failureOf, OK, TOKEN_ERRCODES, TRANSIENT_ERRCODES, UNICODE_ESCAPE } from "./api-errors.ts";
import { cleanText, cleanTextHard } from "./clean-text.ts";
import { DEFAULT_TIMEOUTS, exchangeJson, type Fetch, PATIENCE, type Timeouts } from "./http-exchange.ts";
import { appTextBody } from "./payloads.ts";

export interface WeComApiOptions {
  /** `https://qyapi.weixin.qq.com`, or that of a private deployment or the simulator. */
  baseUrl: string;
  corpId: string;
  /** Digits, as the console shows it. */
  agentId: string;
  secret: Secret;
  tokenStore: TokenStore;
  events: Events;
  clock: Clock;
  fetch?: Fetch;
  /** Default: 8 s until the answer begins, 12 s in all, for each try. */
  timeouts?: Timeouts;
}

export interface WeComUser {
  userId: string;
  name: string;
  departments: number[];
  position: string;
  alias: string;
  /** 1 active, 2 disabled, 4 not activated, 5 left. */
  status: number;
}

/** The same cause is told again only after this long, so that an outage is one line and not thousands. */
const ALERT_AGAIN_MS = 60 * 60_000;
/** Causes remembered; they are few, and addresses in them come from outside. */
const ALERTS_MAX = 64;
/** One member; never `@all`, never several joined by a bar (wecom-protocol 3.2, 3.7). */
const USER_ID_SHAPE = /^[A-Za-z0-9_][A-Za-z0-9_\-@.]{0,63}$/;

const answerSchema = z.looseObject({ errcode: z.number().int(), errmsg: z.string().default("") });
type Answer = z.output<typeof answerSchema>;

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
const sentSchema = z.object({
  msgid: z.string().min(1).nullable().default(null).catch(null),
  invaliduser: z.string().default("").catch(""),
  unlicenseduser: z.string().default("").catch(""),
});
const userSchema = z.object({
  userid: z.string(),
  name: z.string().default(""),
  department: z.array(z.number()).default([]),
  position: z.string().default(""),
  alias: z.string().default(""),
  status: z.number().default(1),
});

interface Call {
  /** As metrics and logs name it. */
  name: string;
  path: string;
  query: Record<string, string>;
  body?: string;
  /** Whether doing it twice does no harm, so that a try of unknown outcome may be repeated. */
  repeatable: boolean;
  signal: AbortSignal;
  traceId?: string;
}

/**
 * The active API of one self-built app (wecom-protocol 3). Every method takes the caller's deadline as `signal`, repeats
 * once with a new token, waits a little (three tries) while WeCom is busy, and throws YingdaErrors by errcode:
 * `wecom_unreachable` and `wecom_rate_limited` are retryable, `wecom_recipient`, `wecom_refused`, `wecom_credentials` and
 * `wecom_ip_not_allowed` as a rule not. What a person must mend raises one alert per cause and hour.
 */
export class WeComApi {
  readonly #options: WeComApiOptions;
  readonly #agentId: number;
  readonly #baseUrl: string;
  readonly #fetch: Fetch;
  readonly #timeouts: Timeouts;
  readonly #tokens: AccessTokens;
  readonly #alertedAtMs = new Map<string, number>();

  /** @throws YingdaError `bad_config` for a base URL or agent id that cannot be one. */
  constructor(options: WeComApiOptions) {
    if (!/^[0-9]{1,15}$/.test(options.agentId)) {
      throw new YingdaError("bad_config", "WECOM_APP_AGENT_ID is a number such as 1000002");
    }
    if (!URL.canParse(options.baseUrl)) {
      throw new YingdaError("bad_config", "WECOM_API_BASE is a URL such as https://qyapi.weixin.qq.com");
    }
    this.#options = options;
    this.#agentId = Number(options.agentId);
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
    this.#tokens = new AccessTokens({
      fetchToken: (signal) => this.#fetchToken(signal),
      store: options.tokenStore,
      clock: options.clock,
    });
  }

  /**
   * Sends one member a text of at most 2048 bytes (wecom-protocol 3.2). Success means accepted: beyond 30 a minute or
   * 1000 an hour to one member WeCom drops silently (3.3).
   * The same arguments give the same request bytes: with `duplicateCheckSeconds` (at most 4 h) WeCom delivers them once in
   * that time, and only then is a try of unknown outcome (a time-out) repeated here.
   * @throws YingdaError `wecom_recipient` also when WeCom took the call and skipped the member.
   */
  async sendText(message: {
    toUser: string;
    content: string;
    duplicateCheckSeconds?: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ msgId: string | null }> {
    const { toUser, duplicateCheckSeconds, signal, traceId } = message;
    if (!USER_ID_SHAPE.test(toUser)) throw new YingdaError("wecom_recipient", "the receiver is not one userid");
    const call: Omit<Call, "body"> = {
      name: "message/send",
      path: "/cgi-bin/message/send",
      query: {},
      repeatable: duplicateCheckSeconds !== undefined,
      signal,
      traceId,
    };
    const bodyOf = (content: string) => appTextBody({ toUser, agentId: this.#agentId, content, duplicateCheckSeconds });
    const content = cleanText(message.content);
    let answer = await this.#withToken({ ...call, body: bodyOf(content) });
    const cleaned = cleanTextHard(content);
    if (answer.errcode === UNICODE_ESCAPE && cleaned !== content) {
      answer = await this.#withToken({ ...call, body: bodyOf(cleaned) });
    }
    const sent = this.#read(call.name, answer, sentSchema);
    if (sent.invaliduser !== "" || sent.unlicenseduser !== "") {
      throw new YingdaError(
        "wecom_recipient",
        "WeCom skipped the member: outside the app's visible range, or no licence",
        {
          details: { unlicensed: sent.unlicenseduser !== "" },
        },
      );
    }
    return { msgId: sent.msgid };
  }

  /** Reads a member in the app's visible range (wecom-protocol 3.7); others give `wecom_recipient` or `wecom_refused`. */
  async getUser(userId: string, signal: AbortSignal): Promise<WeComUser> {
    if (!USER_ID_SHAPE.test(userId)) throw new YingdaError("wecom_recipient", "not a userid");
    const name = "user/get";
    const query = { userid: userId };
    const answer = await this.#withToken({ name, path: "/cgi-bin/user/get", query, repeatable: true, signal });
    const user = this.#read(name, answer, userSchema);
    return {
      userId: user.userid,
      name: user.name,
      departments: user.department,
      position: user.position,
      alias: user.alias,
      status: user.status,
    };
  }

  async #fetchToken(signal: AbortSignal): Promise<{ token: string; expiresInS: number }> {
    const name = "gettoken";
    const query = { corpid: this.#options.corpId, corpsecret: this.#options.secret.reveal() };
    const answer = await this.#exchange({ name, path: "/cgi-bin/gettoken", query, repeatable: true, signal });
    const token = this.#read(name, answer, tokenSchema);
    return { token: token.access_token, expiresInS: token.expires_in };
  }

  /** On a token that WeCom no longer takes: once more with a fresh one (wecom-protocol 3.1). */
  async #withToken(call: Call): Promise<Answer> {
    const first = await this.#tokens.get(call.signal);
    const answer = await this.#exchange({ ...call, query: { ...call.query, access_token: first } });
    if (!TOKEN_ERRCODES.has(answer.errcode)) return answer;
    await this.#tokens.reject(first);
    const second = await this.#tokens.get(call.signal);
    const again = await this.#exchange({ ...call, query: { ...call.query, access_token: second } });
    if (TOKEN_ERRCODES.has(again.errcode)) await this.#tokens.reject(second);
    return again;
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
    const json = await exchangeJson({
      fetch: this.#fetch,
      url,
      ...(call.body === undefined ? {} : { body: call.body }),
      timeouts: this.#timeouts,
      signal: call.signal,
    });
    const answer = answerSchema.safeParse(json);
    if (answer.success) return answer.data;
    throw new YingdaError("wecom_refused", `${call.name} gave an answer without errcode; check WECOM_API_BASE`);
  }

  #read<T extends z.ZodType>(callName: string, answer: Answer, schema: T): z.output<T> {
    if (answer.errcode !== OK) throw this.#failed(callName, answer);
    const read = schema.safeParse(answer);
    if (read.success) return read.data;
    throw new YingdaError("wecom_refused", `${callName} gave an answer that lacks fields; check WECOM_API_BASE`);
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
