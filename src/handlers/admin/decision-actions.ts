import type { Decided } from "../../review/case-decisions.ts";
import { clearsMember, UNDO_WITHIN_MS } from "../../review/case-moves.ts";
import type { CaseSummary } from "../../review/case-reader.ts";
import type { Restriction } from "../../review/restrictions.ts";
import { told } from "./admin-errors.ts";
import type { AdminContext } from "./admin-parts.ts";

const HOUR_MS = 3_600_000;
/** Longer takes an admin. */
const REVIEWER_HOURS_MAX = 24;

/** What a reviewer asks for beside a decision. */
export interface Actions {
  warn?: string | undefined;
  restrict?: { kind: Restriction["kind"]; hours: number | null } | undefined;
  allowPhrase?: string | undefined;
  recall?: boolean | undefined;
  answer?: string | undefined;
}

interface Decider {
  by: string;
  reason: string;
}

/** Null hours: until it is lifted. */
export function isHarsh({ hours }: { hours: number | null }): boolean {
  return hours === null || hours > REVIEWER_HOURS_MAX;
}

/**
 * Does what was asked for beside a decision that stands already; returns in words what could not be done. Each outcome is
 * in the audit log, without its text.
 */
export async function actBeside(
  one: CaseSummary,
  actions: Actions,
  { by, reason }: Decider,
  admin: AdminContext,
): Promise<string[]> {
  const { caseNumber, userId } = one;
  const { warn, restrict, allowPhrase, recall, answer } = actions;
  const steps: { name: string; run: () => Promise<unknown> }[] = [];
  if (recall === true) steps.push({ name: "recall", run: () => admin.actions.recall({ caseNumber, by }) });
  if (restrict !== undefined) {
    const { kind, hours } = restrict;
    const request = { userId, kind, hours, caseNumber, reason: reason === "" ? kind : reason, by };
    steps.push({ name: "restrict", run: () => impose(request, admin) });
  }
  if (allowPhrase !== undefined) {
    const run = () => admin.actions.allowPhrase({ caseNumber, phrase: allowPhrase, by });
    steps.push({ name: "allow_phrase", run });
  }
  if (warn !== undefined) steps.push({ name: "warn", run: () => admin.actions.warn({ caseNumber, text: warn, by }) });
  if (answer !== undefined) {
    steps.push({ name: "answer", run: () => admin.actions.answer({ caseNumber, text: answer, by }) });
  }
  if (steps.length === 0) return [];
  if (one.pendingResolution !== null) {
    return ["A second reviewer has to confirm first; nothing was done in the chat or to the member yet."];
  }
  const problems: string[] = [];
  for (const { name, run } of steps) problems.push(...(await attempt(name, run, one, by, admin)));
  return problems;
}

/** Puts a restriction into the database and in force. */
export async function impose(
  request: {
    userId: string;
    kind: Restriction["kind"];
    hours: number | null;
    caseNumber: string | null;
    reason: string;
    by: string;
  },
  admin: AdminContext,
): Promise<Restriction> {
  const { hours, ...rest } = request;
  const untilMs = hours === null ? null : Math.round(admin.clock.nowMs() + hours * HOUR_MS);
  const restriction = await admin.records.restrictions.impose({ ...rest, untilMs });
  await admin.actions.enforce(restriction);
  return restriction;
}

export async function lift(
  request: { restrictionId: string; by: string; reason: string },
  admin: AdminContext,
): Promise<Restriction> {
  const restriction = await admin.records.restrictions.lift(request);
  await admin.actions.enforce(restriction);
  return restriction;
}

/** With a decision that is taken back goes the restriction that its maker imposed with it. */
export async function takeBackRestrictions(one: CaseSummary, by: string, admin: AdminContext): Promise<void> {
  const fromMs = admin.clock.nowMs() - UNDO_WITHIN_MS;
  const inForce = await admin.records.restrictions.inForceFor(one.userId);
  const own = inForce.filter((restriction) => {
    return restriction.caseNumber === one.caseNumber && restriction.by === by && restriction.atMs >= fromMs;
  });
  for (const { restrictionId } of own) await lift({ restrictionId, by, reason: "undo" }, admin);
}

/** What follows from a case being resolved; in words what could not be done. */
export async function settle({ case: one, decision }: Decided, by: string, admin: AdminContext): Promise<string[]> {
  const { toStatus, resolution } = decision;
  if (toStatus !== "resolved" || resolution === null) return [];
  const wasAppeal = one.appealCount > 0;
  if (!wasAppeal && !clearsMember(resolution)) return [];
  const request = { caseNumber: one.caseNumber, resolution, wasAppeal };
  return attempt("settle", () => admin.actions.settled(request), one, by, admin);
}

async function attempt(
  name: string,
  run: () => Promise<unknown>,
  { caseNumber }: CaseSummary,
  by: string,
  admin: AdminContext,
): Promise<string[]> {
  const entry = { by, action: `action.${name}`, subject: `case:${caseNumber}` };
  try {
    await run();
    await admin.records.audit.append({ ...entry, details: { ok: true } });
    return [];
  } catch (error) {
    const { code, message } = told(error);
    admin.log.warn({ err: error, action: name, caseNumber }, "what goes with a decision could not be done");
    const noted = await admin.records.audit.append({ ...entry, details: { ok: false, code } }).then(
      () => "",
      () => " (And the audit log could not be written.)",
    );
    return [`${name}: ${message}${noted}`];
  }
}
