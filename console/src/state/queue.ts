import { batch, computed, signal } from "@preact/signals";
import type { CaseCounts, CaseList, CaseRow } from "../logic/api-types.ts";
import { belongs, type Filters, NO_FILTERS, queryOf, writeFilters } from "../logic/filters.ts";
import { appendPage, dropLeft, mergeCase, NO_ROWS, type QueueRows, ROWS_MAX, stepFrom } from "../logic/queue-merge.ts";
import { type ApiError, asApiError, get } from "./api.ts";
import { me } from "./session.ts";

/** The queue as it is listed. */

const PAGE_ROWS = 50;
/** As long as the fade in the style sheet. */
const FADE_MS = 450;

export const queue = signal<QueueRows>(NO_ROWS);
export const counts = signal<CaseCounts | null>(null);
export const listing = signal<"idle" | "first" | "more">("idle");
export const listError = signal<ApiError | null>(null);
export const cursorRow = signal<string | null>(null);
export const selected = signal<ReadonlySet<string>>(new Set());
const nextPage = signal<string | null>(null);

export const mayLoadMore = computed(() => nextPage.value !== null && queue.value.rows.length < ROWS_MAX);
export const isCutOff = computed(() => nextPage.value !== null && queue.value.rows.length >= ROWS_MAX);

let filters: Filters = NO_FILTERS;
/** Answers to an older question are dropped. */
let asked = 0;

/** Lists anew; the rows that stand there stay until the answer comes, unless the view is another one. */
export async function listQueue(wanted: Filters): Promise<void> {
  const another = writeFilters(wanted) !== writeFilters(filters);
  filters = wanted;
  asked += 1;
  const question = asked;
  batch(() => {
    listing.value = "first";
    listError.value = null;
    if (another) {
      queue.value = NO_ROWS;
      selected.value = new Set();
    }
  });
  try {
    const page = await get<CaseList>(`/cases${queryOf(wanted, { limit: PAGE_ROWS })}`);
    if (question !== asked) return;
    batch(() => {
      queue.value = appendPage(NO_ROWS, page.cases);
      nextPage.value = page.cursor;
      listing.value = "idle";
      const known = new Set(page.cases.map((row) => row.caseNumber));
      selected.value = new Set([...selected.value].filter((one) => known.has(one)));
    });
  } catch (error) {
    if (question !== asked) return;
    batch(() => {
      listError.value = asApiError(error);
      listing.value = "idle";
    });
  }
}

export function relist(): void {
  void listQueue(filters);
  void askCounts();
}

export async function listMore(): Promise<void> {
  const cursor = nextPage.value;
  if (cursor === null || listing.value !== "idle" || !mayLoadMore.value) return;
  const question = asked;
  listing.value = "more";
  try {
    const page = await get<CaseList>(`/cases${queryOf(filters, { cursor, limit: PAGE_ROWS })}`);
    if (question !== asked) return;
    batch(() => {
      queue.value = appendPage(queue.value, page.cases);
      nextPage.value = page.cursor;
    });
  } catch (error) {
    if (question === asked) listError.value = asApiError(error);
  } finally {
    if (question === asked) listing.value = "idle";
  }
}

/** A case as it is now: from the live line, or from an answer to this page. */
export function noteCase(row: CaseRow): void {
  const fits = belongs(row, filters, { me: me.value?.userId ?? "", atMs: Date.now() });
  queue.value = mergeCase(queue.value, row, { belongs: fits, canJoin: filters.q === "" });
  if (queue.value.leaving.has(row.caseNumber)) fade([row.caseNumber]);
}

/** Before the answer to a decision has come: the row goes, or comes back by `noteCase`. */
export function leaveEarly(caseNumber: string): void {
  queue.value = { ...queue.value, leaving: new Set([...queue.value.leaving, caseNumber]) };
}

export function stay(caseNumber: string): void {
  queue.value = { ...queue.value, leaving: new Set([...queue.value.leaving].filter((one) => one !== caseNumber)) };
}

function fade(caseNumbers: string[]): void {
  setTimeout(() => {
    batch(() => {
      queue.value = dropLeft(queue.value, caseNumbers);
      const left = caseNumbers.filter((one) => selected.value.has(one));
      if (left.length > 0) selected.value = new Set([...selected.value].filter((one) => !left.includes(one)));
    });
  }, FADE_MS);
}

export async function askCounts(): Promise<void> {
  try {
    counts.value = await get<CaseCounts>("/cases/counts");
  } catch {
    // The list says what is wrong; the old numbers stand until the next answer.
  }
}

export function step(by: 1 | -1, from: string | null): CaseRow | null {
  const row = stepFrom(queue.value, from, by);
  if (row !== null) cursorRow.value = row.caseNumber;
  else if (by === 1) void listMore();
  return row;
}

/** At most this many go in one bulk decision. */
export const SELECTED_MAX = 100;

export function toggleSelected(caseNumber: string): void {
  const now = new Set(selected.value);
  if (!now.delete(caseNumber) && now.size < SELECTED_MAX) now.add(caseNumber);
  selected.value = now;
}
