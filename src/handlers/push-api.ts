import { randomUUID } from "node:crypto";
import type { Context, Middleware } from "koa";
import { abortAfter, systemClock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Secret } from "../base/secret.ts";
import type { AuditLog } from "../review/audit-log.ts";
import type { Begun, PushAnswer, PushRequests } from "../session/push-requests.ts";
import type { ActiveAddress, ActiveChannel } from "./active-messages.ts";
import { sameSecret } from "./admin/access.ts";
import { told } from "./admin/admin-errors.ts";
import { readJsonBody } from "./admin/json-body.ts";
import { type PushBody, type PushChannel, readPushBody } from "./push-body.ts";

/** A text of 20 KiB in JSON, escapes included, or a card. */
const BODY_BYTES_MAX = 64 * 1024;
/** All parts of a message; shorter than a key is held, so that no second try begins beside it. */
const SEND_MS_MAX = 30_000;
const KEY_SHAPE = /^[\x21-\x7e]{1,200}$/;

export interface PushApiParts {
  tokens: readonly { name: string; token: Secret }[];
  /** The ways out that this installation has. */
  channels: Partial<Record<PushChannel, ActiveChannel>>;
  requests: PushRequests;
  audit: Pick<AuditLog, "append">;
  events: Events;
  log: Logger;
}

/**
 * `POST /api/messages`: another system of the company speaks through the bot (docs/api-messages.md). Its texts are its own:
 * they are not moderated, and kept nowhere.
 */
export function takePush(parts: PushApiParts): Middleware {
  return async function push(ctx) {
    const request = { by: "unknown", channel: "none", type: "none", id: randomUUID() as string };
    try {
      request.by = callerOf(ctx, parts.tokens);
      const waitMs = await parts.requests.count(request.by);
      if (waitMs > 0) {
        const why = "This token has asked too often within a minute.";
        throw new YingdaError("rate_limited", why, { retryable: true, retryAfterMs: waitMs });
      }
      const key = keyOf(ctx);
      const body = readPushBody(await readJsonBody(ctx.req, BODY_BYTES_MAX));
      request.type = body.content.type;
      request.channel = channelOf(body, parts.channels);
      const answer = await new Push(body, key, request, parts).answer();
      ctx.status = answer.status;
      ctx.body = answer.body;
    } catch (error) {
      parts.events.pushAnswered({ ...request, result: told(error).code, error });
      answerError(ctx, error, parts.log);
    }
  };
}

interface PushFacts {
  by: string;
  channel: string;
  type: string;
  id: string;
}

/** One request that was let in. */
class Push {
  readonly #body: PushBody;
  readonly #key: string | null;
  readonly #facts: PushFacts;
  readonly #parts: PushApiParts;

  constructor(body: PushBody, key: string | null, facts: PushFacts, parts: PushApiParts) {
    this.#body = body;
    this.#key = key;
    this.#facts = facts;
    this.#parts = parts;
  }

  async answer(): Promise<PushAnswer> {
    const { requests, events } = this.#parts;
    const { by } = this.#facts;
    const key = this.#key;
    const begun = await this.#begin();
    if (begun.kind === "answered") {
      events.pushAnswered({ ...this.#facts, result: "repeated" });
      return begun.answer;
    }
    this.#facts.id = begun.id;
    try {
      const answer = await this.#send(begun);
      if (key !== null) await requests.finish(by, key, answer);
      events.pushAnswered({ ...this.#facts, result: "sent" });
      return answer;
    } catch (error) {
      if (key !== null) await this.#settle(key, error);
      throw error;
    }
  }

  async #begin(): Promise<Extract<Begun, { kind: "mine" | "answered" }>> {
    const { id, by } = this.#facts;
    if (this.#key === null) return { kind: "mine", id, progress: null };
    const begun = await this.#parts.requests.begin(by, this.#key, JSON.stringify(this.#body), id);
    if (begun.kind === "mine" || begun.kind === "answered") return begun;
    if (begun.kind === "other") {
      throw new YingdaError("idempotency_conflict", "This Idempotency-Key was used with another body.");
    }
    const why = "The request with this Idempotency-Key is under way.";
    throw new YingdaError("idempotency_conflict", why, { retryable: true, retryAfterMs: begun.waitMs });
  }

  async #send({ id, progress }: Extract<Begun, { kind: "mine" }>): Promise<PushAnswer> {
    const { channels, requests, audit } = this.#parts;
    const { by, channel: name, type } = this.#facts;
    const { to, content } = this.#body;
    const channel = channels[name as PushChannel];
    if (channel === undefined) throw notConfigured(name);
    const why = "WeCom did not take the message in time; it may still arrive.";
    const late = abortAfter(
      SEND_MS_MAX,
      systemClock,
      () => new YingdaError("wecom_unreachable", why, { retryable: true }),
    );
    const sent = channel.send(to, content, {
      id,
      progress,
      // The row comes first: nothing is said in the bot's name without it.
      start: async () => {
        const details = { id, channel: name, type, again: progress !== null };
        await audit.append({ by: `api:${by}`, action: "message.push", subject: subjectOf(to), details });
      },
      note: async (reached) => {
        if (this.#key !== null) await requests.noteProgress(by, this.#key, reached);
      },
      signal: late.signal,
    });
    try {
      const { parts } = await sent;
      return { status: 200, body: { id, channel: name, parts } };
    } finally {
      late.cancel();
    }
  }

  /** What trying again could mend stays open for it; what it could not is answered the same from now on. */
  async #settle(key: string, error: unknown): Promise<void> {
    const { requests, log } = this.#parts;
    const { by } = this.#facts;
    const final = error instanceof YingdaError && !error.retryable && FINAL.has(error.code);
    try {
      if (final) await requests.finish(by, key, errorAnswer(error));
      else await requests.release(by, key);
    } catch (lost) {
      // It is held until its time is over; a try before that is told to wait.
      log.warn({ err: lost, by }, "a push's key could not be released");
    }
  }
}

/** Refusals that the same request would meet again. */
const FINAL: ReadonlySet<string> = new Set(["bad_request", "wecom_recipient"]);

/** Compares with every token, so that time tells neither which nor how much of one was right. */
function callerOf(ctx: Context, tokens: PushApiParts["tokens"]): string {
  const given = /^Bearer ([\x21-\x7e]{1,256})$/i.exec(ctx.get("authorization"))?.[1] ?? "";
  const matching = tokens.filter(({ token }) => sameSecret(given, token.reveal()));
  const [caller] = matching;
  if (caller === undefined) throw new YingdaError("bad_token", "Send `Authorization: Bearer` with one of API_TOKENS.");
  return caller.name;
}

function keyOf(ctx: Context): string | null {
  const key = ctx.get("idempotency-key");
  if (key === "") return null;
  if (KEY_SHAPE.test(key)) return key;
  throw new YingdaError("bad_request", "The Idempotency-Key has at most 200 visible ASCII characters.");
}

/** The channel that was asked for, else the one that the conversation belongs to, else the first that there is. */
function channelOf({ to, channel }: PushBody, channels: PushApiParts["channels"]): PushChannel {
  const own = "conversation" in to ? (to.conversation.startsWith("app:") ? "app" : "socket") : undefined;
  const chosen = channel ?? own ?? (channels.app === undefined ? "socket" : "app");
  if (channels[chosen] === undefined) throw notConfigured(chosen);
  return chosen;
}

function notConfigured(channel: string): YingdaError {
  return new YingdaError("channel_not_configured", `The channel ${channel} cannot speak first on this server.`);
}

function subjectOf(to: ActiveAddress): string {
  return "user" in to ? `member:${to.user.toLowerCase()}` : `conversation:${to.conversation}`;
}

/** Written for whoever calls: they name fields and limits, and quote nothing. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  "bad_token",
  "rate_limited",
  "idempotency_conflict",
  "channel_not_configured",
]);

function errorAnswer(error: unknown): PushAnswer {
  const { status, code, message } = told(error);
  const own = error instanceof YingdaError && OWN_WORDS.has(code) ? error.message : message;
  return { status, body: { error: { code, message: own } } };
}

function answerError(ctx: Context, error: unknown, log: Logger): void {
  const { status, body } = errorAnswer(error);
  const { code } = told(error);
  ctx.status = status;
  ctx.state.errorCode = code;
  ctx.body = body;
  if (status === 500) log.error({ err: error, path: ctx.path }, "a push failed in our own code");
  if (code === "bad_token") ctx.set("www-authenticate", "Bearer");
  const waitMs = error instanceof YingdaError ? error.retryAfterMs : undefined;
  if (waitMs !== undefined) ctx.set("retry-after", String(Math.max(1, Math.ceil(waitMs / 1000))));
  else if (status === 503) ctx.set("retry-after", "5");
  // The rest of a body that we do not want is not read.
  if (code === "body_too_large" || code === "body_timeout") ctx.set("connection", "close");
}
