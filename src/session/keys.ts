import { createHash } from "node:crypto";

/**
 * Every key name and its life. All keys of a conversation carry the hash tag of its shard, so that one script may touch
 * them on a Redis Cluster; the wake-up stream is one per shard for the same reason.
 */

/** Fixed for the life of an installation: changing it moves conversations away from their keys. */
export const SHARDS = 8;

/** WeCom repeats a callback within seconds; a day also covers an operator's replay (contract.md). */
export const SEEN_TTL_MS = 24 * 3600_000;
/** A stream lives six minutes at WeCom (wecom-protocol 4.8); polls after that still deserve an answer. */
export const SNAPSHOT_TTL_MS = 30 * 60_000;
/** WeCom's duplicate check looks back four hours at most (wecom-protocol 3.2). */
export const SENT_TTL_MS = 4 * 3600_000;
/** A stop request that nobody took is forgotten after this, and so is that one was obeyed. */
export const STOP_TTL_MS = 10 * 60_000;
/** How long a refusal can be appealed and an unanswered question asked again by a word. */
export const NOTES_TTL_MS = 7 * 24 * 3600_000;

const PREFIX = "yingda";

export function shardOf(conversationId: string): number {
  return (createHash("sha1").update(conversationId).digest()[0] ?? 0) % SHARDS;
}

function tag(shard: number): string {
  return `${PREFIX}:{${shard}}`;
}

export const wakeKey = (shard: number): string => `${tag(shard)}:wake`;
export const recordsKey = (shard: number): string => `${tag(shard)}:records`;
export const rejectedKey = (shard: number): string => `${tag(shard)}:rejected`;
export const deadKey = (shard: number): string => `${tag(shard)}:dead`;

export interface ConversationKeys {
  shard: number;
  mail: string;
  lease: string;
  journal: string;
  session: string;
  /** What the turns said that have left the session. */
  summary: string;
  /** The newest stop request that no turn has obeyed. */
  stop: string;
  /** Stop requests that a turn has obeyed and their own turns have not answered yet. */
  obeyed: string;
  toldBusy: string;
  sent: string;
  notes: string;
  /** Pictures of the session's turns. */
  images: string;
  wake: string;
  records: string;
  dead: string;
}

export function conversationKeys(conversationId: string): ConversationKeys {
  const shard = shardOf(conversationId);
  const own = (name: string): string => `${tag(shard)}:${name}:${conversationId}`;
  return {
    shard,
    mail: own("mail"),
    lease: own("lease"),
    journal: own("journal"),
    session: own("session"),
    summary: own("summary"),
    stop: own("stop"),
    obeyed: own("obeyed"),
    toldBusy: own("toldbusy"),
    sent: own("sent"),
    notes: own("notes"),
    images: own("images"),
    wake: wakeKey(shard),
    records: recordsKey(shard),
    dead: deadKey(shard),
  };
}

/** The claim on a message's id. It lies in the conversation's shard: a repeat names the same conversation. */
export function seenKey(shard: number, messageId: string): string {
  return `${tag(shard)}:seen:${messageId}`;
}

/**
 * The stream id of a bot message: always the same for the same message, so that a repeated delivery gets the id it got
 * before. It begins with the shard, so that a poll, which knows nothing but this id, finds the snapshot.
 */
export function streamIdOf(conversationId: string, messageId: string): string {
  const digest = createHash("sha256").update(messageId).digest("hex").slice(0, 32);
  return `s${shardOf(conversationId)}-${digest}`;
}

/** Null for an id that we never gave out. */
export function snapshotKey(streamId: string): string | null {
  const match = /^s(\d)-[0-9a-f]{32}$/.exec(streamId);
  return match === null ? null : `${tag(Number(match[1]))}:snapshot:${streamId}`;
}
