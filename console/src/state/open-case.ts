import { batch, computed, signal } from "@preact/signals";
import type { CaseDetail, CaseRow, CaseTurn, ConflictAnswer, RevealAnswer } from "../logic/api-types.ts";
import { isClosed, samePerson } from "../logic/decisions.ts";
import { type Draft, draftsOn, NO_DRAFT } from "../logic/drafts.ts";
import { type ApiError, asApiError, call, get, post } from "./api.ts";
import { noteCase } from "./queue.ts";
import { isMe } from "./session.ts";
import { tabShelf } from "./storage.ts";

/** The case that lies on the desk. */

export type Desk =
  | { state: "empty" }
  | { state: "loading"; caseNumber: string | null }
  | { state: "failed"; caseNumber: string; error: ApiError }
  /** Nothing is left to be handed out. */
  | { state: "cleared" }
  | { state: "open"; detail: CaseDetail };

export const desk = signal<Desk>({ state: "empty" });
/** The texts as written, after a reason was given; forgotten when the case is left. */
export const rawTurns = signal<readonly CaseTurn[] | null>(null);
export const showRaw = signal(true);
export const draft = signal<Draft>(NO_DRAFT);
/** Somebody else was quicker. */
export const conflict = signal<ConflictAnswer | null>(null);
/** A decision is on its way. */
export const submitting = signal(false);
/** The case changed under the reader's eyes: what came is not mixed into what is being judged. */
export const changed = signal<CaseRow | null>(null);

export const openCase = computed(() => (desk.value.state === "open" ? desk.value.detail : null));
export const openNumber = computed(() => {
  const now = desk.value;
  if (now.state === "open") return now.detail.caseNumber;
  return now.state === "loading" || now.state === "failed" ? now.caseNumber : null;
});
export const shownTurns = computed(() => (showRaw.value ? rawTurns.value : null) ?? openCase.value?.turns ?? []);
export const isRaw = computed(() => rawTurns.value !== null && showRaw.value);
/** Keys that act wait for this. */
export const busy = computed(() => submitting.value || desk.value.state === "loading");

const drafts = draftsOn(tabShelf);

export function changeDraft(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
  if (openNumber.value !== null) drafts.keep(openNumber.value, draft.value);
}

export function forgetDraft(caseNumber: string): void {
  drafts.forget(caseNumber);
  if (openNumber.value === caseNumber) draft.value = NO_DRAFT;
}

export function keepDraft(caseNumber: string, kept: Draft): void {
  drafts.keep(caseNumber, kept);
  if (openNumber.value === caseNumber) draft.value = kept;
}

/** Fetches a case and lays it on the desk. */
export async function fetchCase(caseNumber: string): Promise<void> {
  leaveDesk(caseNumber);
  desk.value = { state: "loading", caseNumber };
  try {
    const detail = await get<CaseDetail>(`/cases/${caseNumber}`);
    if (openNumber.value === caseNumber) layOut(detail);
  } catch (error) {
    if (openNumber.value === caseNumber) desk.value = { state: "failed", caseNumber, error: asApiError(error) };
  }
}

/** The same case anew, without a flash; raw texts are masked again. */
export async function refreshCase(): Promise<void> {
  const caseNumber = openNumber.value;
  if (caseNumber === null) return;
  try {
    const detail = await get<CaseDetail>(`/cases/${caseNumber}`);
    if (openNumber.value === caseNumber) layOut(detail);
  } catch (error) {
    if (openNumber.value === caseNumber && desk.value.state !== "open") {
      desk.value = { state: "failed", caseNumber, error: asApiError(error) };
    }
  }
}

export function layOut(detail: CaseDetail): void {
  batch(() => {
    desk.value = { state: "open", detail };
    rawTurns.value = null;
    changed.value = null;
    draft.value = drafts.read(detail.caseNumber);
  });
  noteCase(rowOf(detail));
}

/** Gives the case back that was in hand, unless the desk keeps it. */
export function leaveDesk(next: string | null): void {
  const before = openCase.value;
  if (before === null || before.caseNumber === next) return;
  releaseIfMine(before, false);
  batch(() => {
    desk.value = { state: "empty" };
    conflict.value = null;
    rawTurns.value = null;
    changed.value = null;
    draft.value = NO_DRAFT;
  });
}

export function leftOver(): void {
  leaveDesk(null);
  desk.value = { state: "cleared" };
}

/** Only what the list knows of it changes; the texts stand as they were judged. */
export function applyRow(row: CaseRow): void {
  noteCase(row);
  const detail = openCase.value;
  if (detail?.caseNumber === row.caseNumber) desk.value = { state: "open", detail: { ...detail, ...row } };
}

/** A change that came by the live line. */
export function heardOf(row: CaseRow): void {
  noteCase(row);
  const detail = openCase.value;
  if (detail?.caseNumber !== row.caseNumber || row.version < detail.version) return;
  const sameClaim = samePerson(row.assignee, detail.assignee) || row.assignee === detail.assignee;
  if (row.version === detail.version && sameClaim) return;
  // one's own claim and decision come back by the answer; somebody else's, or a new flag, is told
  if (submitting.value || (isMe(row.assignee) && row.flagCount === detail.flagCount)) return;
  changed.value = row;
}

let claiming: Promise<void> = Promise.resolve();

/** Resolves when no claim is under way: it changes the version that a decision carries. */
export function claimSettled(): Promise<void> {
  return claiming;
}

/** Throws `ApiError`; a case in somebody else's hands is taken over only on demand. */
export function claim(takeOver: boolean): Promise<void> {
  const done = claimNow(takeOver);
  claiming = done.catch(() => undefined);
  return done;
}

async function claimNow(takeOver: boolean): Promise<void> {
  const detail = openCase.value;
  if (detail === null) return;
  applyRow(await post<CaseRow>(`/cases/${detail.caseNumber}/claim`, takeOver ? { takeOver } : {}));
}

/** Throws `ApiError`. The look is in the audit log. */
export async function reveal(reason: string): Promise<void> {
  const detail = openCase.value;
  if (detail === null) return;
  const { turns } = await post<RevealAnswer>(`/cases/${detail.caseNumber}/reveal`, { reason });
  if (openNumber.value !== detail.caseNumber) return;
  batch(() => {
    rawTurns.value = turns;
    showRaw.value = true;
  });
}

/** While the page is looked at, the case in hand stays in hand. */
const RENEW_MS = 30_000;

export function startRenewing(): void {
  setInterval(() => {
    const detail = openCase.value;
    if (document.hidden || submitting.value || detail === null || !isMine(detail)) return;
    post<CaseRow>(`/cases/${detail.caseNumber}/renew`)
      .then(applyRow)
      .catch((error: unknown) => {
        if (asApiError(error).status === 409) void refreshCase();
      });
  }, RENEW_MS);
  addEventListener("pagehide", () => {
    if (openCase.value !== null) releaseIfMine(openCase.value, true);
  });
}

function releaseIfMine(detail: CaseDetail, keepalive: boolean): void {
  if (!isMine(detail)) return;
  call<CaseRow>("POST", `/cases/${detail.caseNumber}/release`, {}, { keepalive })
    .then(noteCase)
    .catch(() => {
      // It runs out by itself.
    });
}

/** Also one that ran out: as long as nobody else took it, the service renews it. */
function isMine(row: CaseRow): boolean {
  return isMe(row.assignee) && !isClosed(row);
}

function rowOf(detail: CaseDetail): CaseRow {
  const { conversationId, turns, decisions, notes, member, undoUntilMs, today, ...row } = detail;
  return row;
}
