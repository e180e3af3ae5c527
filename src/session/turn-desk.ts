import { createHash } from "node:crypto";
import type { ConversationDesk } from "./conversations.ts";
import { NOTES_TTL_MS, SENT_TTL_MS, SNAPSHOT_TTL_MS, STOP_TTL_MS, snapshotKey } from "./keys.ts";
import { type Lease, leaseLost } from "./lease.ts";
import type { Attachment, Message, Quote } from "./message.ts";
import { inStore } from "./redis.ts";
import { Script } from "./script.ts";
import { SESSION_TURNS_MAX, type SessionSummary, type SessionTurn } from "./session-turn.ts";
import { encodeSnapshot, FINISHED, type Snapshot } from "./snapshots.ts";

/** Records that may wait in Redis for the database, per shard; past it the oldest are dropped, so that chats go on. */
export const RECORDS_WAITING_MAX = 50_000;
/** Different texts remembered as sent in one conversation; past it all are forgotten, so that no chat fills Redis. */
export const SENT_TEXTS_MAX = 2_000;
/** Messages set aside per shard, newest kept. */
export const DEAD_LETTERS_MAX = 1_000;

/**
 * Begins, or begins again, the oldest message of a conversation.
 * KEYS lease, mail, journal
 * ARGV lease value
 * RETURNS {0} lost | {1} no mail | {2, message JSON, attempts, reply JSON or "", marks or "", parts sent}
 */
export const OPEN = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0} end
local head = redis.call('LINDEX', KEYS[2], 0)
if not head then return {1} end
local id = cjson.decode(head)['id']
if redis.call('HGET', KEYS[3], 'id') ~= id then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'id', id)
end
local attempts = redis.call('HINCRBY', KEYS[3], 'attempts', 1)
local noted = redis.call('HMGET', KEYS[3], 'reply', 'marks', 'sent')
return {2, head, attempts, noted[1] or '', noted[2] or '', tonumber(noted[3] or '0')}
`);

/**
 * Notes the complete reply before its first part is sent. Counts for each part how often the same text went out in this
 * conversation lately: a repeat gets a mark, so that WeCom's duplicate check cannot take it for a resend.
 * KEYS lease, journal, sent
 * ARGV lease value, reply JSON, sent TTL ms, most texts remembered, hash of each part...
 * RETURNS nil lost | marks, comma-separated
 */
export const NOTE_REPLY = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
if redis.call('HLEN', KEYS[3]) > tonumber(ARGV[4]) then redis.call('DEL', KEYS[3]) end
local marks = {}
for i = 5, #ARGV do marks[#marks + 1] = redis.call('HINCRBY', KEYS[3], ARGV[i], 1) - 1 end
if #marks > 0 then redis.call('PEXPIRE', KEYS[3], ARGV[3]) end
local joined = table.concat(marks, ',')
redis.call('HSET', KEYS[2], 'reply', ARGV[2], 'marks', joined, 'sent', 0)
return joined
`);

/**
 * Notes that one more part has arrived.
 * KEYS lease, journal
 * ARGV lease value, parts sent
 * RETURNS 1 | 0 lost
 */
export const NOTE_SENT = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'sent', ARGV[2])
return 1
`);

/**
 * Writes what a bubble shows. A finished bubble stays as it is: WeCom has stopped asking for it.
 * KEYS lease, snapshot
 * ARGV lease value, snapshot JSON, TTL ms
 * RETURNS 1 | 0 lost | the finished snapshot that stays
 */
const SHOW = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('GETRANGE', KEYS[2], 0, ${FINISHED.length - 1}) == '${FINISHED}' then return redis.call('GET', KEYS[2]) end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
`);

/**
 * Ends a turn in one step: the message leaves the mailbox, the session gains the turn, the record waits for the database.
 * KEYS lease, mail, journal, session, records, dead, notes, stop, obeyed, images, summary
 * ARGV lease value, message id, "keep"|"add"|"replace"|"forget", turn JSON, session turns max, session TTL ms,
 *      record JSON, records max, dead letter JSON or "", dead letters max, case number or "", notes TTL ms,
 *      "" | "answered" this message was a stop request | the stop request that was obeyed, stop TTL ms,
 *      unanswered question: "" leave | "clear" | JSON, what a thumb speaks of next or "", feedback JSON or "",
 *      words that the next message is answered with: "" leave | "clear" | JSON
 * RETURNS 1 | 0 lost | -1 another message is the oldest
 */
export const FINISH = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local head = redis.call('LINDEX', KEYS[2], 0)
if not head or cjson.decode(head)['id'] ~= ARGV[2] then return -1 end
redis.call('LPOP', KEYS[2])
redis.call('DEL', KEYS[3])
if ARGV[3] == 'forget' then redis.call('DEL', KEYS[4], KEYS[10], KEYS[11]) end
if ARGV[3] == 'replace' then redis.call('RPOP', KEYS[4]) end
if ARGV[3] == 'add' or ARGV[3] == 'replace' then
  redis.call('RPUSH', KEYS[4], ARGV[4])
  redis.call('LTRIM', KEYS[4], -tonumber(ARGV[5]), -1)
end
if redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('PEXPIRE', KEYS[4], ARGV[6])
  redis.call('PEXPIRE', KEYS[10], ARGV[6])
end
if redis.call('EXISTS', KEYS[11]) == 1 then redis.call('PEXPIRE', KEYS[11], ARGV[6]) end
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[8], '*', 'r', ARGV[7])
if ARGV[17] ~= '' then redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[8], '*', 'r', ARGV[17]) end
if ARGV[9] ~= '' then
  redis.call('RPUSH', KEYS[6], ARGV[9])
  redis.call('LTRIM', KEYS[6], -tonumber(ARGV[10]), -1)
end
if ARGV[11] ~= '' then redis.call('HSET', KEYS[7], 'case', ARGV[11]) end
if ARGV[15] == 'clear' then redis.call('HDEL', KEYS[7], 'question')
elseif ARGV[15] ~= '' then redis.call('HSET', KEYS[7], 'question', ARGV[15]) end
if ARGV[16] ~= '' then redis.call('HSET', KEYS[7], 'rateable', ARGV[16]) end
if ARGV[18] == 'clear' then redis.call('HDEL', KEYS[7], 'earlier')
elseif ARGV[18] ~= '' then redis.call('HSET', KEYS[7], 'earlier', ARGV[18]) end
if redis.call('EXISTS', KEYS[7]) == 1 then redis.call('PEXPIRE', KEYS[7], ARGV[12]) end
if ARGV[13] ~= '' then
  local request = ARGV[13]
  if request == 'answered' then
    request = ARGV[2]
    redis.call('SREM', KEYS[9], request)
  else
    redis.call('SADD', KEYS[9], request)
    redis.call('PEXPIRE', KEYS[9], ARGV[14])
  end
  -- A newer request is meant for another turn.
  if redis.call('GET', KEYS[8]) == request then redis.call('DEL', KEYS[8]) end
end
return 1
`);

/** The begun turn as the journal knows it. */
export interface OpenedTurn<Reply> {
  message: Message;
  /** 1 for the first try; more after a crash. */
  attempts: number;
  /** The complete reply, when an earlier try had got that far: it is not made again. */
  noted: NotedReply<Reply> | null;
}

export interface NotedReply<Reply> {
  reply: Reply;
  /** For each part: how often the same text went out before it in this conversation. */
  marks: number[];
  /** Parts that have certainly arrived. */
  partsSent: number;
  /** Noted by an earlier try: the next part may have been sent without the note that it arrived. */
  resumed: boolean;
}

export interface UnansweredQuestion {
  text: string;
  quote?: string;
  /** Fetched again when it is asked again, as long as WeCom has them. */
  attachments?: Attachment[];
}

/** What a message said that is answered with the next one. */
export interface EarlierWords {
  /** The message that they belong to. */
  nextId: string;
  text: string;
  quote?: Quote;
  attachments: Attachment[];
  /** How many messages said this. */
  messages: number;
}

export type SessionChange =
  | { kind: "keep" }
  | { kind: "add"; turn: SessionTurn }
  | { kind: "replace"; turn: SessionTurn }
  | { kind: "forget" };

export interface TurnEnd {
  session: SessionChange;
  sessionTtlMs: number;
  record: unknown;
  /** Set when the message is put aside because it could not be answered. */
  deadLetter?: unknown;
  /** Case number of a refusal, kept for `/appeal`. */
  caseNumber?: string;
  /** The question that was left without an answer, kept for `/retry`; `clear` when there is none any more. */
  unanswered?: "clear" | UnansweredQuestion;
  /** Handed on to the next message; `clear`: they were answered with this one. */
  earlierWords?: "clear" | EarlierWords;
  /** A stop request that this turn obeyed (its message's id), or that this turn answered. */
  stop?: { obeyed: string } | { answered: true };
  /** The feedback id of this turn, when the next thumb speaks of it. */
  rateable?: string;
  /** A record of feedback on an earlier turn, kept beside this turn's own. */
  feedback?: unknown;
}

/** What is kept beside the session for `/appeal`, `/retry` and thumbs. */
export interface ConversationNotes {
  /** Of the last refusal. */
  caseNumber: string | null;
  unanswered: UnansweredQuestion | null;
  /** The feedback id of the last turn that can be rated. */
  rateable: string | null;
}

/** What the holder of a conversation writes about its turns. Each call throws `lease_lost` or `store_unavailable`. */
export class TurnDesk<Reply> implements ConversationDesk<Reply> {
  readonly lease: Lease;

  constructor(lease: Lease) {
    this.lease = lease;
  }

  /** The oldest message, or null when the mailbox is empty. */
  async open(): Promise<OpenedTurn<Reply> | null> {
    const { lease, mail, journal } = this.lease.keys;
    const answer = await this.#run(OPEN, [lease, mail, journal], []);
    const [state, message, attempts, reply, marks, partsSent] = answer as [
      0 | 1 | 2,
      string,
      number,
      string,
      string,
      number,
    ];
    if (state === 0) throw leaseLost();
    if (state === 1) return null;
    return {
      message: JSON.parse(message) as Message,
      attempts,
      noted:
        reply === "" ? null : { reply: JSON.parse(reply) as Reply, marks: readMarks(marks), partsSent, resumed: true },
    };
  }

  /** The last turns, oldest first. */
  async recall(): Promise<SessionTurn[]> {
    const stored = await inStore(() => this.lease.redis.lrange(this.lease.keys.session, 0, -1));
    return stored.map((turn) => JSON.parse(turn) as SessionTurn);
  }

  /** What the turns before those said; null while all of them are kept. */
  async summary(): Promise<SessionSummary | null> {
    const stored = await inStore(() => this.lease.redis.get(this.lease.keys.summary));
    return stored === null ? null : (JSON.parse(stored) as SessionSummary);
  }

  /** Whether a turn was ended by the stop request in this message. */
  async wasObeyed(stopMessageId: string): Promise<boolean> {
    return (await inStore(() => this.lease.redis.sismember(this.lease.keys.obeyed, stopMessageId))) === 1;
  }

  async notes(): Promise<ConversationNotes> {
    const { redis, keys } = this.lease;
    const [caseNumber, question, rateable] = await inStore(() =>
      redis.hmget(keys.notes, "case", "question", "rateable"),
    );
    return {
      caseNumber: caseNumber ?? null,
      unanswered: question == null ? null : (JSON.parse(question) as UnansweredQuestion),
      rateable: rateable ?? null,
    };
  }

  /** The message that waits behind the one in hand; null when there is none yet. */
  async next(): Promise<Message | null> {
    const next = await inStore(() => this.lease.redis.lindex(this.lease.keys.mail, 1));
    return next === null ? null : (JSON.parse(next) as Message);
  }

  /** What a message before this one handed on. */
  async earlierWords(): Promise<EarlierWords | null> {
    const words = await inStore(() => this.lease.redis.hget(this.lease.keys.notes, "earlier"));
    return words === null ? null : (JSON.parse(words) as EarlierWords);
  }

  /** `distinctParts`: the texts that a duplicate check downstream might confuse with earlier ones; none for channels without one. */
  async noteReply(reply: Reply, distinctParts: string[]): Promise<number[]> {
    const { lease, journal, sent } = this.lease.keys;
    const hashes = distinctParts.map((part) => createHash("sha1").update(part).digest("base64"));
    const marks = await this.#run(
      NOTE_REPLY,
      [lease, journal, sent],
      [JSON.stringify(reply), SENT_TTL_MS, SENT_TEXTS_MAX, ...hashes],
    );
    if (marks === null) throw leaseLost();
    return readMarks(marks as string);
  }

  async notePartsSent(count: number): Promise<void> {
    const { lease, journal } = this.lease.keys;
    if ((await this.#run(NOTE_SENT, [lease, journal], [count])) !== 1) throw leaseLost();
  }

  /** Null once it is written; a bubble that was finished before stays, and is what this resolves with. */
  async show(streamId: string, snapshot: Snapshot): Promise<Snapshot | null> {
    const key = snapshotKey(streamId);
    if (key === null) return null;
    const answer = await this.#run(SHOW, [this.lease.keys.lease, key], [encodeSnapshot(snapshot), SNAPSHOT_TTL_MS]);
    if (answer === 0) throw leaseLost();
    return typeof answer === "string" ? (JSON.parse(answer) as Snapshot) : null;
  }

  async finish(message: Message, end: TurnEnd): Promise<void> {
    const keys = this.lease.keys;
    const turn = "turn" in end.session ? JSON.stringify(end.session.turn) : "";
    const answer = await this.#run(
      FINISH,
      [
        keys.lease,
        keys.mail,
        keys.journal,
        keys.session,
        keys.records,
        keys.dead,
        keys.notes,
        keys.stop,
        keys.obeyed,
        keys.images,
        keys.summary,
      ],
      [
        message.id,
        end.session.kind,
        turn,
        SESSION_TURNS_MAX,
        end.sessionTtlMs,
        JSON.stringify(end.record),
        RECORDS_WAITING_MAX,
        end.deadLetter === undefined ? "" : JSON.stringify(end.deadLetter),
        DEAD_LETTERS_MAX,
        end.caseNumber ?? "",
        NOTES_TTL_MS,
        end.stop === undefined ? "" : "obeyed" in end.stop ? end.stop.obeyed : "answered",
        STOP_TTL_MS,
        written(end.unanswered),
        end.rateable ?? "",
        end.feedback === undefined ? "" : JSON.stringify(end.feedback),
        written(end.earlierWords),
      ],
    );
    if (answer !== 1) throw leaseLost();
  }

  async #run(script: Script, keys: string[], args: (string | number)[]) {
    return inStore(() => script.run(this.lease.redis, keys, [this.lease.value, ...args]));
  }
}

function written(value: "clear" | object | undefined): string {
  if (value === undefined) return "";
  return value === "clear" ? value : JSON.stringify(value);
}

function readMarks(marks: string): number[] {
  return marks === "" ? [] : marks.split(",").map(Number);
}
