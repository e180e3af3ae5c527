import type { CaseRow, DecisionRequest, Resolution, Role } from "./api-types.ts";
import type { Draft } from "./drafts.ts";

/** What may be decided on a case by whom, and the request that says so. */

/** Longer than this a restriction is an admin's to set. */
export const REVIEWER_HOURS_MAX = 24;
export const RESTRICT_HOURS = [1, 24, 168, 720, null] as const;

const CLOSED: readonly CaseRow["status"][] = ["resolved", "auto_closed"];

/** Userids are one person without regard to case. */
export function samePerson(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && one.toLowerCase() === other.toLowerCase();
}

export function isClosed(row: Pick<CaseRow, "status">): boolean {
  return CLOSED.includes(row.status);
}

/** Who else has the case in hand just now, or null. */
export function heldByOther(row: Pick<CaseRow, "assignee" | "claimUntilMs">, me: string, atMs: number): string | null {
  const holds = row.assignee !== null && row.claimUntilMs !== null && row.claimUntilMs > atMs;
  return holds && !samePerson(row.assignee, me) ? row.assignee : null;
}

export type Hindrance = "viewer" | "closed" | "held" | "second" | null;

/** What stands against deciding; the server judges by itself, this is for the words on the page. */
export function hindranceOf(row: CaseRow, who: { userId: string; role: Role }, atMs: number): Hindrance {
  if (who.role === "viewer") return "viewer";
  if (isClosed(row)) return "closed";
  if (heldByOther(row, who.userId, atMs) !== null) return "held";
  return samePerson(row.pendingBy, who.userId) ? "second" : null;
}

export function maySetHours(role: Role, hours: number | null): boolean {
  return role === "admin" || (hours !== null && hours <= REVIEWER_HOURS_MAX);
}

/** A decision with what was prepared for it. Dismissing never punishes; upholding never teaches an exception. */
export function resolveRequest(version: number, resolution: Resolution, draft: Draft): DecisionRequest {
  const upheld = resolution === "confirmed";
  const warn = draft.warn.trim();
  const allowPhrase = draft.allowPhrase.trim();
  const answer = draft.answer.trim();
  return {
    version,
    move: "resolve",
    resolution,
    note: draft.note.trim(),
    actions: {
      ...(upheld && warn !== "" ? { warn } : {}),
      ...(upheld && draft.restrict !== null ? { restrict: draft.restrict } : {}),
      ...(upheld && draft.recall ? { recall: true } : {}),
      ...(!upheld && allowPhrase !== "" ? { allowPhrase } : {}),
      ...(!upheld && answer !== "" ? { answer } : {}),
    },
  };
}

/** Milliseconds until a snoozed case comes back, from a choice of the dialog. */
export function snoozeUntilMs(choice: "hour" | "hours4" | "tomorrow" | "days3", now: Date): number {
  const hourMs = 3_600_000;
  switch (choice) {
    case "hour":
      return now.getTime() + hourMs;
    case "hours4":
      return now.getTime() + 4 * hourMs;
    case "days3":
      return now.getTime() + 72 * hourMs;
    case "tomorrow":
      return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9).getTime();
  }
}
