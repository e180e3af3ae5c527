import type { CaseRow } from "./api-types.ts";

/** What a live change does to a list that somebody is reading: nothing jumps, and nothing is lost. */

export interface QueueRows {
  rows: readonly CaseRow[];
  /** Came in meanwhile, and wait behind the "3 new" pill. */
  fresh: readonly CaseRow[];
  /** Numbers of rows that do not belong here any more, and fade. */
  leaving: ReadonlySet<string>;
}

export const NO_ROWS: QueueRows = { rows: [], fresh: [], leaving: new Set() };

/** More rows than anybody scrolls through; past it the page says to narrow the view. */
export const ROWS_MAX = 500;
/** A flood of flags must not fill the memory of a page that stays open overnight; the pill says "200+". */
export const FRESH_MAX = 200;

/** A case changed or came. `belongs`: to the view shown; `canJoin`: a new one may come in, false while searching. */
export function mergeCase(
  queue: QueueRows,
  row: CaseRow,
  { belongs, canJoin }: Record<"belongs" | "canJoin", boolean>,
): QueueRows {
  const at = queue.rows.findIndex((one) => one.caseNumber === row.caseNumber);
  const known = queue.rows[at];
  if (known !== undefined) {
    if (known.version > row.version) return queue;
    const leaving = new Set(queue.leaving);
    if (belongs) leaving.delete(row.caseNumber);
    else leaving.add(row.caseNumber);
    return { ...queue, rows: queue.rows.with(at, row), leaving };
  }
  const others = queue.fresh.filter((one) => one.caseNumber !== row.caseNumber);
  if (!belongs || !canJoin) return others.length === queue.fresh.length ? queue : { ...queue, fresh: others };
  return { ...queue, fresh: [row, ...others].slice(0, FRESH_MAX) };
}

/** Takes away what has faded. */
export function dropLeft(queue: QueueRows, caseNumbers: Iterable<string>): QueueRows {
  const gone = new Set([...caseNumbers].filter((one) => queue.leaving.has(one)));
  if (gone.size === 0) return queue;
  return {
    ...queue,
    rows: queue.rows.filter((row) => !gone.has(row.caseNumber)),
    leaving: new Set([...queue.leaving].filter((one) => !gone.has(one))),
  };
}

/** The next page below; a case that moved between two pages is shown once. */
export function appendPage(queue: QueueRows, page: readonly CaseRow[]): QueueRows {
  const known = new Set(queue.rows.map((row) => row.caseNumber));
  const rows = [...queue.rows, ...page.filter((row) => !known.has(row.caseNumber))];
  return { ...queue, rows: rows.slice(0, ROWS_MAX) };
}

/** The row to step to, or null at an end. Rows that fade are stepped over. */
export function stepFrom(queue: QueueRows, from: string | null, step: 1 | -1): CaseRow | null {
  const at = queue.rows.findIndex((row) => row.caseNumber === from);
  const start = at === -1 ? (step === 1 ? 0 : queue.rows.length - 1) : at + step;
  for (let index = start; index >= 0 && index < queue.rows.length; index += step) {
    const row = queue.rows[index];
    if (row !== undefined && !queue.leaving.has(row.caseNumber)) return row;
  }
  return null;
}
