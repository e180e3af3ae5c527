import type { Reply } from "../../src/conversation/reply.ts";
import type { TurnRecord } from "../../src/review/records.ts";
import { SHARDS } from "../../src/session/keys.ts";
import type { Message } from "../../src/session/message.ts";
import type { TurnEnd } from "../../src/session/turn-desk.ts";
import type { Effect, Generation, History } from "./history.ts";
import type { ReferenceStore } from "./reference-store.ts";

/** All that came of one message, as it was seen from outside. */
export interface Turn {
  message: Message;
  record: TurnRecord;
  end: TurnEnd;
  effects: Effect[];
  generations: Generation[];
  /** The reply was made, but the service gave up delivering it. */
  undelivered: boolean;
}

/** What is wrong, and what is named and allowed. */
export class Findings {
  readonly violations: string[];
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
    this.violations = [...history.complaints];
  }

  violation(rule: string, message: { id: string } | null, what: string): void {
    this.violations.push(`${rule}: ${message === null ? "" : `${message.id}: `}${what}`);
  }

  /** One of the windows of decision 0005: nothing is wrong, but it is counted. */
  window(which: string): void {
    this.#history.count(`window: ${which}`);
  }
}

/** The finished turns of a conversation in the order in which they ended; those without exactly one end are reported. */
export function turnsOf(kept: readonly Message[], history: History, findings: Findings): Turn[] {
  const ids = new Map(kept.map((message) => [message.id, message]));
  const turns: Turn[] = [];
  const seen = new Set<string>();
  for (const { message, end } of history.ends) {
    if (!ids.has(message.id)) continue;
    if (seen.has(message.id)) findings.violation("one end", message, "its turn ended more than once");
    seen.add(message.id);
    const record = end.record as TurnRecord;
    const gaveUp = end.deadLetter !== undefined;
    turns.push({
      message,
      end,
      record,
      effects: history.effects.filter((effect) => effect.messageId === message.id),
      generations: history.generations.filter((generation) => generation.messageId === message.id),
      undelivered: gaveUp && record.errorCode?.startsWith("wecom_") === true,
    });
  }
  for (const message of kept) if (!seen.has(message.id)) findings.violation("answered", message, "was never answered");
  return turns;
}

/** Every kept message has one record, and nothing else has one. */
export function checkRecords(history: History, store: ReferenceStore<Reply>, findings: Findings): void {
  const counts = new Map<string, number>();
  for (let shard = 0; shard < SHARDS; shard += 1) {
    for (const record of store.shardState(shard).records as TurnRecord[]) {
      counts.set(record.turnId, (counts.get(record.turnId) ?? 0) + 1);
      const message = history.keptById.get(record.turnId);
      if (message === undefined)
        findings.violation("records", null, `a record of ${record.turnId}, which was not kept`);
      else if (message.traceId !== record.traceId)
        findings.violation("records", message, "another delivery's trace id");
    }
  }
  for (const message of history.keptById.values()) {
    const count = counts.get(message.id) ?? 0;
    if (count !== 1) findings.violation("records", message, `${count} records`);
  }
  for (const id of history.acknowledged) {
    if (!history.keptById.has(id)) findings.violation("keep before you acknowledge", null, `${id} was not kept`);
  }
}

/** What people see of a conversation belongs to its messages one after another: nothing early, nothing late, never two at once. */
export function checkOrder(
  kept: readonly Message[],
  turns: readonly Turn[],
  history: History,
  findings: Findings,
): void {
  const [first] = kept;
  if (first === undefined) return;
  const undelivered = new Set(turns.filter((turn) => turn.undelivered).map((turn) => turn.message.id));
  let at = 0;
  for (const effect of history.effects) {
    if (effect.conversationId !== first.conversationId) continue;
    const index = kept.findIndex((message) => message.id === effect.messageId);
    if (index > at) findings.violation("order", { id: effect.messageId }, `${effect.kind} before its turn`);
    if (index < at) {
      const sent = effect.kind === "push" || effect.kind === "response_url";
      if (sent && undelivered.has(effect.messageId)) findings.window("a part came after its turn had given it up");
      else findings.violation("order", { id: effect.messageId }, `${effect.kind} after its turn had ended`);
    }
    if (effect.kind === "finish") at += 1;
  }
}
