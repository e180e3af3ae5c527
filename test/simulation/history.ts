import type { Message } from "../../src/session/message.ts";
import type { TurnEnd } from "../../src/session/turn-desk.ts";

/** Something that a person can see, or the end of a turn; noted at the instant at which it took effect. */
export interface Effect {
  atMs: number;
  kind: "show" | "push" | "response_url" | "finish";
  conversationId: string;
  messageId: string;
  content: string;
  /** Of a `show`: whether it finished the bubble. */
  finished: boolean;
}

/** One answer that the model began. */
export interface Generation {
  messageId: string;
  text: string;
  /** The model said its end event, so the text may go out as the answer. */
  complete: boolean;
  cutAtLength: boolean;
  /** The code with which it failed, if it did. */
  failedWith: string | null;
}

/** Lines kept of the newest part of a trace. */
const TRACE_LINES_MAX = 4_000;

/** What happened, told by the world around the code: the invariants are checked against this alone. */
export class History {
  /** Kept messages per conversation, in the order in which the mailbox took them. */
  readonly kept = new Map<string, Message[]>();
  readonly keptById = new Map<string, Message>();
  readonly #keptByTrace = new Map<string, Message>();
  /** Messages whose callback was answered with 200. */
  readonly acknowledged = new Set<string>();
  readonly effects: Effect[] = [];
  readonly ends: { message: Message; end: TurnEnd }[] = [];
  /** How often a turn of the message was begun. */
  readonly opens = new Map<string, number>();
  /** Message → how many of its parts were noted as sent. */
  readonly partsNoted = new Map<string, number>();
  readonly generations: Generation[] = [];
  /** What the code itself reported as an error that should not be. */
  readonly complaints: string[] = [];
  /** How often each thing happened; shows that the simulation reaches what it is there for. */
  readonly counts = new Map<string, number>();
  /** The longest time for which a conversation had mail and nobody did anything for it. */
  neglectedMsMax = 0;
  /** Conversation with mail → when somebody did something for it last. */
  readonly #attendedAtMs = new Map<string, number>();
  readonly #trace: string[] | null;
  readonly #nowMs: () => number;
  #traced = 0;

  constructor(options: { nowMs: () => number; trace: boolean }) {
    this.#nowMs = options.nowMs;
    this.#trace = options.trace ? [] : null;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** One line of the trace, made only when somebody wants it. */
  note(line: () => string): void {
    if (this.#trace === null) return;
    this.#traced += 1;
    this.#trace.push(`${(this.#nowMs() / 1000).toFixed(3).padStart(9)}  ${line()}`);
    if (this.#trace.length > TRACE_LINES_MAX) this.#trace.splice(0, TRACE_LINES_MAX / 4);
  }

  trace(): string[] {
    if (this.#trace === null) return [];
    const dropped = this.#traced - this.#trace.length;
    return dropped === 0 ? this.#trace : [`(${dropped} earlier lines are not shown)`, ...this.#trace];
  }

  keep(message: Message): void {
    this.keptById.set(message.id, message);
    this.#keptByTrace.set(message.traceId, message);
    if (!this.#attendedAtMs.has(message.conversationId)) this.attended(message.conversationId, true);
    const list = this.kept.get(message.conversationId);
    if (list === undefined) this.kept.set(message.conversationId, [message]);
    else list.push(message);
  }

  /** Somebody did something for the conversation, or its first message came. */
  attended(conversationId: string, hasMail: boolean): void {
    const beforeMs = this.#attendedAtMs.get(conversationId);
    if (beforeMs !== undefined) this.neglectedMsMax = Math.max(this.neglectedMsMax, this.#nowMs() - beforeMs);
    if (hasMail) this.#attendedAtMs.set(conversationId, this.#nowMs());
    else this.#attendedAtMs.delete(conversationId);
  }

  byTrace(traceId: string): Message | undefined {
    return this.#keptByTrace.get(traceId);
  }

  /** Something that must not be, seen while it happened. */
  complain(what: string): void {
    this.complaints.push(what);
    this.note(() => `! ${what}`);
  }

  effect(effect: Omit<Effect, "atMs">): void {
    this.effects.push({ ...effect, atMs: this.#nowMs() });
    this.note(
      () => `* ${effect.kind}${effect.finished ? " (finished)" : ""} ${effect.messageId}: ${brief(effect.content)}`,
    );
  }
}

export function brief(text: string): string {
  const line = text.replaceAll("\n", "⏎").replaceAll("\u200b", "°");
  return line.length <= 60 ? `"${line}"` : `"${line.slice(0, 40)}…${line.slice(-16)}" (${line.length})`;
}
