import type { Reply } from "../../src/conversation/reply.ts";
import { SHARDS } from "../../src/session/keys.ts";
import { checkDelivery } from "./deliveries.ts";
import type { History } from "./history.ts";
import { checkMemory, checkOutcome, checkStopRequests } from "./outcomes.ts";
import type { ReferenceStore } from "./reference-store.ts";
import { RESENT } from "./simulated-wecom.ts";
import { checkOrder, checkRecords, Findings, turnsOf } from "./turns.ts";

/** Everything that must hold at the end of a world, checked against what was seen from outside. Empty when all is well. */
export function findViolations(history: History, store: ReferenceStore<Reply>, turnTimeoutMs: number): string[] {
  const findings = new Findings(history);
  checkRecords(history, store, findings);
  for (const [conversationId, kept] of history.kept) {
    const turns = turnsOf(kept, history, findings);
    checkOrder(kept, turns, history, findings);
    checkStopRequests(turns, findings);
    for (const turn of turns) {
      checkDelivery(turn, findings);
      checkOutcome(turn, history, turnTimeoutMs, findings);
      history.count(`turn: ${turn.undelivered ? "undelivered" : turn.record.outcome}`);
    }
    const stored = store.look(conversationId);
    const unanswered = stored.notes().unanswered?.text ?? null;
    checkMemory(conversationId, turns, { session: stored.recall(), unanswered }, findings);
    checkNothingLeft(conversationId, store, findings);
  }
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const { entries, pending } = store.shardState(shard);
    if (entries.length + pending.length > 0) findings.violation("nothing left", null, `wake-ups in shard ${shard}`);
  }
  checkDiligence(history, findings);
  return findings.violations;
}

/** Longest that a conversation with mail may be left alone while nothing is wrong: a renewal is due each second. */
const NEGLECT_MS_MAX = 3_000;
/** What keeps a worker from going on at once. A stop does not: it hands over. */
const MISFORTUNES = [
  "replica: crash",
  "replica: poisoned",
  "replica: freeze",
  "replica: none left",
  "store: away",
  "store: slow",
  "store: lost before",
  "store: lost after",
];

/** Nothing is done needlessly, and nobody waits for nothing. */
function checkDiligence(history: History, findings: Findings): void {
  const happened = (what: string): number => history.counts.get(what) ?? 0;
  const misfortunes = MISFORTUNES.reduce((sum, what) => sum + happened(what), 0);
  const opens = [...history.opens.values()].reduce((sum, count) => sum + count, 0);
  const again = opens - history.opens.size;
  // Each may hit every conversation, and a stop interrupts as many turns.
  const explained = (misfortunes + happened("replica: stop")) * history.kept.size;
  if (again > explained)
    findings.violation("diligence", null, `${again} turns were begun again, ${explained} explained`);
  if (misfortunes === 0 && history.neglectedMsMax > NEGLECT_MS_MAX) {
    const what = `a conversation with mail was left alone for ${Math.round(history.neglectedMsMax)} ms`;
    findings.violation("diligence", null, what);
  }
  if (happened("replica: freeze") === 0 && happened(RESENT) > 0) findings.violation("diligence", null, RESENT);
}

function checkNothingLeft(conversationId: string, store: ReferenceStore<Reply>, findings: Findings): void {
  const { mail, lease, journal } = store.look(conversationId).state();
  const at = { id: conversationId };
  if (mail.length > 0) findings.violation("nothing left", at, `${mail.length} messages in the mailbox`);
  if (lease !== null) findings.violation("nothing left", at, "a lease");
  if (journal !== null) findings.violation("nothing left", at, "a journal");
}
