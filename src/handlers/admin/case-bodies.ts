import { untilAborted } from "../../conversation/until-aborted.ts";
import type { CaseConflict } from "../../review/case-conflict.ts";
import { UNDO_WITHIN_MS } from "../../review/case-moves.ts";
import type { CaseFlag, CaseSummary, CaseView, Decision, RawTexts } from "../../review/case-reader.ts";
import type { Restriction } from "../../review/restrictions.ts";
import type { AdminContext } from "./admin-parts.ts";
import type { CaseDetail, CaseRow, CaseTurn, MemberHistory } from "./api-schema.ts";
import { spansInMasked } from "./masked-spans.ts";

/** Rows of the record store → bodies of the API. */

/** A list names at most 200 members; it does not wait longer than this for names that are not known yet. */
const NAMES_TIMEOUT_MS = 100;
/** How long the others are still looked up for the next list, so that a slow WeCom gathers no work here. */
const LATE_NAMES_MS = 5_000;
const NAME_TIMEOUT_MS = 2_000;
/** Questions to WeCom at once, which limits them for all of the service. */
const NAMES_AT_ONCE = 8;

type Parts = Pick<AdminContext, "records" | "nameOf">;
type DetailParts = Pick<AdminContext, "records" | "nameOf" | "policy" | "pauses" | "clock">;

/** Rows as lists show them, in the order given: with the beginning of what was judged, and the member's name. */
export async function rowsOf(cases: readonly CaseSummary[], parts: Parts, signal: AbortSignal): Promise<CaseRow[]> {
  const [heads, names] = await Promise.all([
    parts.records.console.heads(cases.map(({ caseNumber }) => caseNumber)),
    namesOf(
      cases.map(({ userId }) => userId),
      parts,
      signal,
    ),
  ]);
  return cases.map((one) => ({
    caseNumber: one.caseNumber,
    version: one.version,
    status: one.status,
    severity: one.severity,
    categories: one.categories,
    action: one.action,
    score: one.score,
    flagCount: one.flagCount,
    appealed: one.appealCount > 0,
    channel: one.channel,
    groupId: one.groupId,
    userId: one.userId,
    userName: names.get(one.userId) ?? one.userId,
    direction: heads.get(one.caseNumber)?.direction ?? null,
    excerpt: heads.get(one.caseNumber)?.excerpt ?? "",
    raisedAtMs: one.lastRaisedAtMs,
    dueAtMs: one.dueAtMs,
    assignee: one.assignee,
    claimUntilMs: one.claimUntilMs,
    resolution: one.resolution,
    pendingBy: one.pendingBy,
  }));
}

export async function rowOf(one: CaseSummary, parts: Parts, signal: AbortSignal): Promise<CaseRow> {
  const [row] = await rowsOf([one], parts, signal);
  if (row === undefined) throw new Error("One case gave no row.");
  return row;
}

/** With the database away the conflict is still told, without the words of the case. */
export async function rowOfConflict({ current }: CaseConflict, parts: Parts, signal: AbortSignal): Promise<CaseRow> {
  return rowOf(current, parts, signal);
}

/** Display names by userid; those that are not known in time are left out, and known the next time. */
export async function namesOf(
  userIds: readonly string[],
  { nameOf }: Pick<Parts, "nameOf">,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const waiting = [...new Set(userIds)];
  const late = AbortSignal.timeout(LATE_NAMES_MS);
  // The page's own signal is not handed on: what comes too late for it is kept for whoever asks next.
  const lookUp = async (): Promise<void> => {
    for (let userId = waiting.pop(); userId !== undefined && !late.aborted; userId = waiting.pop()) {
      names.set(userId, await nameOf(userId, AbortSignal.timeout(NAME_TIMEOUT_MS)));
    }
  };
  const enough = AbortSignal.any([signal, AbortSignal.timeout(NAMES_TIMEOUT_MS)]);
  const all = Promise.all(Array.from({ length: NAMES_AT_ONCE }, lookUp));
  await untilAborted(all, enough).catch(() => undefined);
  return new Map(names);
}

export async function detailOf(view: CaseView, admin: DetailParts, signal: AbortSignal): Promise<CaseDetail> {
  const [row, member, written] = await Promise.all([
    rowOf(view, admin, signal),
    historyOf(view.userId, admin, signal),
    admin.records.console.flagTexts(view.caseNumber),
  ]);
  const gravest = view.flags.find((flag) => flag.caseNumber === view.gravestFlag);
  const text = written.get(view.gravestFlag) ?? "";
  const decisions = decisionsOf(view.decisions);
  const last = view.decisions.at(-1);
  const undoable = last !== undefined && last.move !== "undo" && last.move !== "appeal";
  const undoUntilMs = undoable ? last.atMs + UNDO_WITHIN_MS : null;
  return {
    ...row,
    conversationId: view.conversationId,
    turns: turnsOf(view, written),
    decisions,
    notes: view.notes.map(({ by, atMs, text }) => ({ by, atMs, text })),
    member,
    undoUntilMs: undoUntilMs !== null && undoUntilMs > admin.clock.nowMs() ? undoUntilMs : null,
    // Retention emptied it: then nobody may judge it any more either.
    today: gravest === undefined || text === "" ? null : await admin.policy.today(text, gravest.direction, signal),
  };
}

/** What is known of a member, as their page and their cases show it. */
export async function historyOf(userId: string, admin: DetailParts, signal: AbortSignal): Promise<MemberHistory> {
  const [history, pausedUntilMs, names] = await Promise.all([
    admin.records.console.memberHistory(userId),
    admin.pauses.pausedUntilMs(userId),
    namesOf([userId], admin, signal),
  ]);
  return {
    userId,
    name: names.get(userId) ?? userId,
    flags90Days: history.flags90Days,
    turns90Days: history.turns90Days,
    confirmed90Days: history.confirmed90Days,
    pausedUntilMs,
    restrictions: history.restrictions.map(restrictionBody),
  };
}

/** Decisions as they were made; one that was taken back later says so. */
export function decisionsOf(decisions: readonly Decision[]): CaseDetail["decisions"] {
  const undone = new Set(decisions.flatMap(({ undoesVersion }) => undoesVersion ?? []));
  return decisions.map(({ version, move, resolution, reason, note, by, atMs }) => {
    return { version, move, resolution, reason, note, by, atMs, undone: undone.has(version) };
  });
}

/**
 * The frozen conversation, masked. `written` are the raw texts of its flags: evidence is placed by them, and they are not
 * in what is returned.
 */
export function turnsOf(view: Pick<CaseView, "turns" | "flags">, written: ReadonlyMap<string, string>): CaseTurn[] {
  return view.turns.map((turn) => ({
    ...turnFacts(turn),
    question: turn.questionMasked,
    answer: turn.answerMasked,
    flags: flagsOf(view, turn.turnId).map((flag) => {
      const raw = written.get(flag.caseNumber) ?? "";
      const signals = flag.signals.map((signal) => {
        return { ...signal, spans: spansInMasked(raw, flag.textMasked, signal.spans) };
      });
      return { ...flagFacts(flag), text: flag.textMasked, signals };
    }),
  }));
}

/** The same as it was written, for whoever gave a reason. Where retention emptied a text, its masked form. */
export function rawTurnsOf(view: CaseView, raw: RawTexts): CaseTurn[] {
  const turns = new Map(raw.turns.map((turn) => [turn.turnId, turn]));
  const flags = new Map(raw.flags.map((flag) => [flag.caseNumber, flag.text]));
  return view.turns.map((turn) => ({
    ...turnFacts(turn),
    question: turns.get(turn.turnId)?.question || turn.questionMasked,
    answer: turns.get(turn.turnId)?.answer || turn.answerMasked,
    flags: flagsOf(view, turn.turnId).map((flag) => {
      const text = flags.get(flag.caseNumber) ?? "";
      const signals = flag.signals.map((signal) => ({
        ...signal,
        spans: signal.spans.filter(({ end }) => end <= text.length),
      }));
      return { ...flagFacts(flag), text: text === "" ? flag.textMasked : text, signals };
    }),
  }));
}

function flagsOf(view: Pick<CaseView, "flags">, turnId: string): CaseFlag[] {
  return view.flags.filter((flag) => flag.turnId === turnId);
}

function turnFacts(turn: CaseView["turns"][number]) {
  const { turnId, userId, receivedAtMs, outcome, model, policyVersion, traceId } = turn;
  return { turnId, userId, atMs: receivedAtMs, outcome, model, policyVersion, traceId };
}

function flagFacts({ caseNumber, direction, severity, action, categories }: CaseFlag) {
  return { caseNumber, direction, severity, action, categories };
}

export function restrictionBody(one: Restriction): MemberHistory["restrictions"][number] {
  const { restrictionId, kind, untilMs, caseNumber, reason, by, atMs, liftedAtMs } = one;
  return { restrictionId, kind, untilMs, caseNumber, reason, by, atMs, liftedAtMs };
}
