import { hash } from "node:crypto";
import type { DecisionMove } from "../../review/case-decisions.ts";

/** What a reviewer can decide on a card. The console has more. */
export type CardMove = "dismiss" | "confirm" | "escalate";

/** The console's decision behind each button: cards have no rules of their own. */
export const DECISIONS: Readonly<Record<CardMove, DecisionMove>> = {
  dismiss: { move: "resolve", resolution: "false_positive" },
  confirm: { move: "resolve", resolution: "confirmed" },
  escalate: { move: "escalate", to: null },
};

/** Ours among the keys of other cards that the app may send one day. */
const KEY = /^rv:(dismiss|confirm|escalate):([0-9]{1,15})$/;
/** Characters of a case number that fit a task id as they are; others are hashed. */
const PLAIN = /^[0-9A-Za-z_\-@]{1,64}$/;

/**
 * WeCom's id for a case's card: unique for the app, at most 128 of `[0-9A-Za-z_-@]` (wecom-protocol 7.1). With the version,
 * so that a case whose card was never sent gets a fresh one.
 */
export function taskIdOf(caseNumber: string, version: number): string {
  const name = PLAIN.test(caseNumber) ? caseNumber : hash("sha256", caseNumber, "hex").slice(0, 40);
  return `review-${name}-${version}`;
}

/** The version on the card travels in its buttons: a decision is about what was to be seen. */
export function keyOf(move: CardMove, version: number): string {
  return `rv:${move}:${version}`;
}

/** Untrusted (wecom-protocol 7.8). Null: no button of ours. */
export function readKey(key: string): { move: CardMove; version: number } | null {
  const [, move, version] = KEY.exec(key) ?? [];
  return move === undefined ? null : { move: move as CardMove, version: Number(version) };
}
