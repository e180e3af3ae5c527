import { signal } from "@preact/signals";
import type {
  BulkAnswer,
  BulkRequest,
  CaseDetail,
  CaseNote,
  CaseRow,
  ConflictAnswer,
  DecisionAnswer,
  DecisionRequest,
  Resolution,
} from "../logic/api-types.ts";
import { resolveRequest } from "../logic/decisions.ts";
import type { Draft } from "../logic/drafts.ts";
import { isServersQueue } from "../logic/filters.ts";
import { nameOf, t } from "../words/words.ts";
import { asApiError, post } from "./api.ts";
import { go, route } from "./navigation.ts";
import {
  applyRow,
  claimSettled,
  conflict,
  desk,
  draft,
  fetchCase,
  forgetDraft,
  keepDraft,
  layOut,
  leaveDesk,
  leftOver,
  openCase,
  refreshCase,
  submitting,
} from "./open-case.ts";
import { askCounts, cursorRow, leaveEarly, noteCase, queue, relist, selected, stay, step } from "./queue.ts";
import { dropActions, say } from "./toasts.ts";
import { explain } from "./words-of-errors.ts";

/** Decisions: sent at once, taken back within a minute, and never at the price of what was typed. */

interface Undoable {
  caseNumbers: string[];
  bulk: boolean;
  untilMs: number;
  draft: Draft | null;
}

const lastDecided = signal<Undoable | null>(null);

export function resolve(resolution: Resolution): Promise<void> {
  const detail = openCase.value;
  if (detail === null) return Promise.resolve();
  return decide(resolveRequest(detail.version, resolution, draft.value), nameOf("resolution", resolution));
}

/** Sends a decision on the open case, then opens the next one. `done`: what the toast says was done. */
export async function decide(request: DecisionRequest, done: string): Promise<void> {
  const detail = openCase.value;
  if (detail === null || submitting.value) return;
  const { caseNumber } = detail;
  const kept = draft.value;
  const next = step(1, caseNumber) ?? step(-1, caseNumber);
  submitting.value = true;
  conflict.value = null;
  leaveEarly(caseNumber);
  try {
    await claimSettled();
    const version = openCase.value?.caseNumber === caseNumber ? openCase.value.version : request.version;
    const answer = await post<DecisionAnswer>(`/cases/${caseNumber}/decisions`, { ...request, version });
    applyRow(answer.case);
    forgetDraft(caseNumber);
    tellDecided(answer, done, kept);
    void askCounts();
    await openNext(answer.case, next);
  } catch (error) {
    stay(caseNumber);
    const failure = asApiError(error);
    if (failure.status === 409 && isConflict(failure.body)) {
      conflict.value = failure.body;
      noteCase(failure.body.case);
      await refreshCase();
    } else {
      say("bad", t("decisionFailed", { why: explain(error) }));
    }
  } finally {
    submitting.value = false;
  }
}

function tellDecided(answer: DecisionAnswer, done: string, kept: Draft): void {
  const { caseNumber, pendingBy, status } = answer.case;
  lastDecided.value = { caseNumbers: [caseNumber], bulk: false, untilMs: answer.undoUntilMs, draft: kept };
  const waits = pendingBy !== null && status !== "resolved";
  say("good", t(waits ? "decidedHalf" : "decided", { case: caseNumber, done }), {
    label: t("undo"),
    untilMs: answer.undoUntilMs,
    run: () => void undo(),
  });
  for (const problem of answer.problems) say("bad", t("besideFailed", { problem }));
}

/** The server hands out the next; in a view of one's own, the next row of that view. */
async function openNext(decided: CaseRow, next: CaseRow | null): Promise<void> {
  const now = route.value;
  if (now.page !== "queue" || now.caseNumber !== decided.caseNumber) return;
  const { filters } = now;
  if (!isServersQueue(filters)) {
    if (next === null || next.caseNumber === decided.caseNumber) return showCleared();
    go({ ...now, caseNumber: next.caseNumber }, { replace: true });
    return;
  }
  const { severity, category } = filters;
  desk.value = { state: "loading", caseNumber: null };
  try {
    await takeNext({ ...(severity && { severity }), ...(category && { category }) });
  } catch (error) {
    say("bad", explain(error));
    go({ ...now, caseNumber: null }, { replace: true });
  }
}

/** Throws `ApiError`. */
async function takeNext(wanted: { severity?: string; category?: string }): Promise<void> {
  const { case: detail } = await post<{ case: CaseDetail | null }>("/cases/next", wanted);
  if (detail === null) return showCleared();
  leaveDesk(detail.caseNumber);
  layOut(detail);
  cursorRow.value = detail.caseNumber;
  const now = route.value;
  // fifty cases in a row are one step back to the list
  if (now.page === "queue") go({ ...now, caseNumber: detail.caseNumber }, { replace: now.caseNumber !== null });
}

/** Begins with whatever is due first. */
export async function startReviewing(): Promise<void> {
  const now = route.value;
  if (now.page !== "queue") return;
  const { severity, category } = now.filters;
  try {
    await takeNext({ ...(severity && { severity }), ...(category && { category }) });
  } catch (error) {
    say("bad", explain(error));
  }
}

function showCleared(): void {
  const now = route.value;
  leftOver();
  if (now.page === "queue") go({ ...now, caseNumber: null }, { replace: true });
}

/** Takes back the last decision, or the whole last bulk of them. */
export async function undo(): Promise<void> {
  const last = lastDecided.value;
  if (last === null || last.untilMs <= Date.now()) return say("plain", t("nothingToUndo"));
  lastDecided.value = null;
  dropActions();
  try {
    if (last.bulk) {
      const answer = await post<BulkAnswer>("/cases/bulk/undo", { caseNumbers: last.caseNumbers });
      say("good", t("undoneMany", { count: answer.decided.length }));
      return relist();
    }
    const [caseNumber = ""] = last.caseNumbers;
    await undoOne(caseNumber);
    if (last.draft !== null) keepDraft(caseNumber, last.draft);
    const now = route.value;
    if (now.page === "queue" && now.caseNumber !== caseNumber) go({ ...now, caseNumber });
    else await fetchCase(caseNumber);
  } catch (error) {
    say("bad", t("undoFailed", { why: explain(error) }));
  }
}

/** Throws `ApiError`. */
export async function undoOne(caseNumber: string): Promise<void> {
  applyRow(await post<CaseRow>(`/cases/${caseNumber}/undo`));
  say("good", t("undone", { case: caseNumber }));
  void askCounts();
}

/** One decision for the whole selection. Throws `ApiError`. */
export async function decideSelected(request: Omit<BulkRequest, "cases">): Promise<void> {
  const cases = queue.value.rows
    .filter((row) => selected.value.has(row.caseNumber))
    .map(({ caseNumber, version }) => ({ caseNumber, version }));
  const answer = await post<BulkAnswer>("/cases/bulk", { ...request, cases });
  lastDecided.value = { caseNumbers: answer.decided, bulk: true, untilMs: answer.undoUntilMs, draft: null };
  selected.value = new Set(answer.failed.map(({ caseNumber }) => caseNumber));
  say("good", t("decidedMany", { count: answer.decided.length }), {
    label: t("undo"),
    untilMs: answer.undoUntilMs,
    run: () => void undo(),
  });
  if (answer.failed.length > 0) say("bad", t("bulkFailed", { count: answer.failed.length }));
  relist();
}

/** Puts the typed note on the case without deciding. */
export async function saveNote(): Promise<void> {
  const detail = openCase.value;
  const text = draft.value.note.trim();
  if (detail === null || text === "" || submitting.value) return;
  submitting.value = true;
  try {
    const note = await post<CaseNote>(`/cases/${detail.caseNumber}/notes`, { text });
    keepDraft(detail.caseNumber, { ...draft.value, note: "" });
    const now = openCase.value;
    if (now?.caseNumber === detail.caseNumber) {
      desk.value = { state: "open", detail: { ...now, notes: [...now.notes, note] } };
    }
    say("good", t("noteSaved"));
  } catch (error) {
    say("bad", t("noteFailed", { why: explain(error) }));
  } finally {
    submitting.value = false;
  }
}

function isConflict(body: unknown): body is ConflictAnswer {
  return typeof body === "object" && body !== null && "case" in body && "error" in body;
}
