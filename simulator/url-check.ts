import { randomInt } from "node:crypto";
import type { CallbackPost } from "./callback-post.ts";
import type { Journal } from "./journal.ts";
import { type CallbackKeys, seal } from "./platform-crypto.ts";
import type { CallbackChannel } from "./platform-types.ts";

export interface UrlCheck {
  ok: boolean;
  status: number;
  tookMs: number;
  /** What an administrator would have to mend; absent when `ok`. */
  problem?: string;
}

export interface UrlCheckParts {
  channel: CallbackChannel;
  keys: CallbackKeys;
  post: CallbackPost;
  journal: Journal;
  timeoutMs: number;
  nowMs: () => number;
}

/** What the console does when an administrator presses Save (wecom-protocol 1.6): one GET, answered within a second. */
export async function checkUrl(parts: UrlCheckParts): Promise<UrlCheck> {
  const atMs = parts.nowMs();
  const echo = `${randomInt(1_000_000, 9_999_999)}${randomInt(1_000_000, 9_999_999)}`;
  const sealed = seal(parts.keys, echo, atMs);
  const query = `${sealed.query}&${new URLSearchParams({ echostr: sealed.ciphertext })}`;
  const result = await parts.post.send({ method: "GET", query, timeoutMs: parts.timeoutMs });
  const reply = result.outcome === "answered" ? result.reply : undefined;
  const body = reply?.body.toString() ?? "";
  const url = `${new URL(result.url || "http://unset").pathname}?${query}`;
  parts.journal.record({
    atMs,
    direction: "to_service",
    channel: parts.channel,
    kind: "url check",
    method: "GET",
    url,
    status: reply?.status ?? 0,
    outcome: result.outcome,
    tookMs: result.tookMs,
    raw: `GET ${url}`,
    plain: echo,
    ...(reply === undefined ? {} : { replyRaw: body, replyPlain: body }),
  });
  const seen = { status: reply?.status ?? 0, tookMs: result.tookMs };
  if (result.outcome === "timed_out") return { ok: false, ...seen, problem: `no answer within ${parts.timeoutMs} ms` };
  if (reply === undefined) return { ok: false, ...seen, problem: "the address cannot be reached" };
  if (reply.status !== 200) return { ok: false, ...seen, problem: `answered with status ${reply.status}` };
  if (body !== echo) return { ok: false, ...seen, problem: "the body is not exactly the decrypted echostr" };
  return { ok: true, ...seen };
}
