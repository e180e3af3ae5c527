import { NOTES_TTL_MS, SENT_TTL_MS, STOP_TTL_MS } from "../../src/session/keys.ts";
import { leaseLost } from "../../src/session/lease.ts";
import { BUSY_NOTICE_EVERY_MS } from "../../src/session/mailbox.ts";
import type { Message } from "../../src/session/message.ts";
import { SESSION_TURNS_MAX, type SessionTurn } from "../../src/session/session-turn.ts";
import type { ConversationNotes, OpenedTurn, TurnEnd } from "../../src/session/turn-desk.ts";
import { Expiring } from "./expiring.ts";

/** Different texts remembered as sent in one conversation. */
const SENT_TEXTS_MAX = 2_000;

/** The holder's proof. A lease is recognised by being the same object, as the real one by its random value. */
export interface ReferenceLease {
  readonly conversationId: string;
  readonly wakeUpId: string;
}

interface Journal {
  id: string;
  attempts: number;
  reply: string | null;
  marks: number[];
  sent: number;
}

/** What Redis holds of one conversation, and what the scripts do to it. Who holds the lease is asked by the store. */
export class ReferenceConversation<Reply> {
  readonly mail: string[] = [];
  readonly lease: Expiring<ReferenceLease>;
  readonly stop: Expiring<string>;
  journal: Journal | null = null;
  readonly #session: Expiring<string[]>;
  readonly #obeyed: Expiring<ReadonlySet<string>>;
  readonly #sent: Expiring<Map<string, number>>;
  readonly #notes: Expiring<ConversationNotes>;
  readonly #toldBusy: Expiring<true>;

  constructor(nowMs: () => number) {
    this.lease = new Expiring(nowMs);
    this.stop = new Expiring(nowMs);
    this.#session = new Expiring(nowMs);
    this.#obeyed = new Expiring(nowMs);
    this.#sent = new Expiring(nowMs);
    this.#notes = new Expiring(nowMs);
    this.#toldBusy = new Expiring(nowMs);
  }

  /** Whether it is time to tell the person that the mailbox is full. */
  tellBusy(): boolean {
    if (this.#toldBusy.get() !== null) return false;
    this.#toldBusy.set(true, BUSY_NOTICE_EVERY_MS);
    return true;
  }

  open(): OpenedTurn<Reply> | null {
    const [head] = this.mail;
    if (head === undefined) return null;
    const message = JSON.parse(head) as Message;
    if (this.journal?.id !== message.id) {
      this.journal = { id: message.id, attempts: 0, reply: null, marks: [], sent: 0 };
    }
    this.journal.attempts += 1;
    const { attempts, reply, marks, sent } = this.journal;
    if (reply === null) return { message, attempts, noted: null };
    const noted = { reply: JSON.parse(reply) as Reply, marks: [...marks], partsSent: sent, resumed: true };
    return { message, attempts, noted };
  }

  recall(): SessionTurn[] {
    return (this.#session.get() ?? []).map((turn) => JSON.parse(turn) as SessionTurn);
  }

  wasObeyed(stopMessageId: string): boolean {
    return this.#obeyed.get()?.has(stopMessageId) ?? false;
  }

  notes(): ConversationNotes {
    return { ...(this.#notes.get() ?? { caseNumber: null, unanswered: null, rateable: null }) };
  }

  noteReply(reply: Reply, distinctParts: string[]): number[] {
    const counts = this.#sent.get() ?? new Map<string, number>();
    if (counts.size > SENT_TEXTS_MAX) counts.clear();
    const marks = distinctParts.map((part) => {
      const before = counts.get(part) ?? 0;
      counts.set(part, before + 1);
      return before;
    });
    if (marks.length > 0) this.#sent.set(counts, SENT_TTL_MS);
    if (this.journal !== null) Object.assign(this.journal, { reply: JSON.stringify(reply), marks, sent: 0 });
    return [...marks];
  }

  /** Throws `lease_lost` when the message is not the oldest any more. */
  finish(message: Message, end: TurnEnd): void {
    const [head] = this.mail;
    if (head === undefined || (JSON.parse(head) as Message).id !== message.id) throw leaseLost();
    this.mail.shift();
    this.journal = null;
    this.#changeSession(end);
    this.#changeNotes(end);
    this.#changeStop(message, end);
  }

  /** For comparisons: what lives right now; `ttlMs` where Redis forgets by itself. */
  state() {
    return {
      mail: this.mail.map((message) => (JSON.parse(message) as Message).id),
      lease: this.lease.state(({ wakeUpId }) => wakeUpId),
      journal: this.journal === null ? null : { ...this.journal },
      session: this.#session.state((turns) => turns.map((turn) => JSON.parse(turn) as SessionTurn)),
      stop: this.stop.state((id) => id),
      obeyed: this.#obeyed.state((ids) => [...ids].sort()),
      sent: this.#sent.state((counts) => [...counts.values()].sort((a, b) => a - b)),
      notes: this.#notes.state((notes) => ({ ...notes })),
      toldBusy: this.#toldBusy.state((told) => told),
    };
  }

  #changeSession({ session, sessionTtlMs }: TurnEnd): void {
    const turns = [...(this.#session.get() ?? [])];
    if (session.kind === "forget") turns.length = 0;
    if (session.kind === "replace") turns.pop();
    if (session.kind === "add" || session.kind === "replace") turns.push(JSON.stringify(session.turn));
    if (turns.length === 0) this.#session.clear();
    else this.#session.set(turns.slice(-SESSION_TURNS_MAX), sessionTtlMs);
  }

  #changeNotes({ caseNumber, unanswered, rateable }: TurnEnd): void {
    const notes = this.notes();
    if (caseNumber !== undefined) notes.caseNumber = caseNumber;
    if (unanswered !== undefined) notes.unanswered = unanswered === "clear" ? null : unanswered;
    if (rateable !== undefined) notes.rateable = rateable;
    if (notes.caseNumber === null && notes.unanswered === null && notes.rateable === null) this.#notes.clear();
    else this.#notes.set(notes, NOTES_TTL_MS);
  }

  #changeStop(message: Message, { stop }: TurnEnd): void {
    if (stop === undefined) return;
    const request = "obeyed" in stop ? stop.obeyed : message.id;
    const others = [...(this.#obeyed.get() ?? [])].filter((id) => id !== request);
    if ("obeyed" in stop) this.#obeyed.set(new Set([...others, request]), STOP_TTL_MS);
    else if (others.length === 0) this.#obeyed.clear();
    else this.#obeyed.keep(new Set(others));
    // A newer request is meant for another turn.
    if (this.stop.get() === request) this.stop.clear();
  }
}
