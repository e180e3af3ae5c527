import type { CaseQuery, CaseRow } from "./api-types.ts";

/** What the queue shows, and how that stands in the page's address: every view is a link that can be sent to a colleague. */

export interface Filters {
  status: NonNullable<CaseQuery["status"]>;
  severity?: CaseRow["severity"];
  category?: string;
  channel?: CaseRow["channel"];
  userId?: string;
  /** Cases in one's own hands. */
  mine: boolean;
  overdue: boolean;
  appealed: boolean;
  q: string;
  sort: NonNullable<CaseQuery["sort"]>;
}

export const STATUSES = [
  "open",
  "new",
  "claimed",
  "escalated",
  "appealed",
  "snoozed",
  "resolved",
  "auto_closed",
  "all",
] as const;
export const SEVERITIES = ["P0", "P1", "P2", "P3"] as const;
export const CHANNELS = ["app", "bot", "socket"] as const;
export const SORTS = ["urgency", "newest", "oldest", "score"] as const;
export const OPEN_STATUSES: readonly string[] = ["new", "claimed", "escalated", "appealed"];

export const NO_FILTERS: Filters = {
  status: "open",
  mine: false,
  overdue: false,
  appealed: false,
  q: "",
  sort: "urgency",
};

/** The server takes no longer words. */
const Q_UNITS_MAX = 100;
const WORD_UNITS_MAX = 64;

/** Reads an address; what it does not know, it leaves out, so that an old link still opens. */
export function readFilters(search: string): Filters {
  const given = new URLSearchParams(search);
  const severity = oneOf(SEVERITIES, given.get("severity"));
  const channel = oneOf(CHANNELS, given.get("channel"));
  const category = wordOf(given.get("category"), 40);
  const userId = wordOf(given.get("member"), WORD_UNITS_MAX);
  return {
    status: oneOf(STATUSES, given.get("status")) ?? "open",
    ...(severity === undefined ? {} : { severity }),
    ...(channel === undefined ? {} : { channel }),
    ...(category === undefined ? {} : { category }),
    ...(userId === undefined ? {} : { userId }),
    mine: given.get("mine") === "1",
    overdue: given.get("overdue") === "1",
    appealed: given.get("appealed") === "1",
    q: (given.get("q") ?? "").trim().slice(0, Q_UNITS_MAX),
    sort: oneOf(SORTS, given.get("sort")) ?? "urgency",
  };
}

/** The address' query, without what is usual; led by `?` unless empty. */
export function writeFilters(filters: Filters): string {
  const written = new URLSearchParams();
  if (filters.status !== "open") written.set("status", filters.status);
  if (filters.severity !== undefined) written.set("severity", filters.severity);
  if (filters.category !== undefined) written.set("category", filters.category);
  if (filters.channel !== undefined) written.set("channel", filters.channel);
  if (filters.userId !== undefined) written.set("member", filters.userId);
  if (filters.mine) written.set("mine", "1");
  if (filters.overdue) written.set("overdue", "1");
  if (filters.appealed) written.set("appealed", "1");
  if (filters.q !== "") written.set("q", filters.q);
  if (filters.sort !== "urgency") written.set("sort", filters.sort);
  const query = written.toString();
  return query === "" ? "" : `?${query}`;
}

/** The query of `GET /cases`. */
export function queryOf(filters: Filters, page: { cursor?: string; limit: number }): string {
  const query = new URLSearchParams({ status: filters.status, sort: filters.sort, limit: String(page.limit) });
  if (filters.severity !== undefined) query.set("severity", filters.severity);
  if (filters.category !== undefined) query.set("category", filters.category);
  if (filters.channel !== undefined) query.set("channel", filters.channel);
  if (filters.userId !== undefined) query.set("userId", filters.userId);
  if (filters.mine) query.set("assignee", "me");
  if (filters.overdue) query.set("overdue", "true");
  if (filters.appealed) query.set("appealed", "true");
  if (filters.q !== "") query.set("q", filters.q);
  if (page.cursor !== undefined) query.set("cursor", page.cursor);
  return `?${query}`;
}

/** How many filters are set beside the usual view; the sort is no filter. */
export function countFilters(filters: Filters): number {
  const { status, severity, category, channel, userId, mine, overdue, appealed, q } = filters;
  const set = [status !== "open", mine, overdue, appealed, q !== ""];
  return [...set, ...[severity, category, channel, userId].map((one) => one !== undefined)].filter(Boolean).length;
}

/** Whether the server's own "next case" gives what this view would: it knows severity and category only. */
export function isServersQueue(filters: Filters): boolean {
  const { severity: _severity, category: _category, ...rest } = filters;
  return countFilters({ ...rest }) === 0 && filters.sort === "urgency";
}

/** Whether a case belongs in the view. A search is the server's to judge: with one, nothing new belongs. */
export function belongs(row: CaseRow, filters: Filters, now: { me: string; atMs: number }): boolean {
  const open = OPEN_STATUSES.includes(row.status);
  if (filters.status === "open" ? !open : filters.status !== "all" && row.status !== filters.status) return false;
  if (filters.severity !== undefined && row.severity !== filters.severity) return false;
  if (filters.category !== undefined && !row.categories.includes(filters.category)) return false;
  if (filters.channel !== undefined && row.channel !== filters.channel) return false;
  if (filters.userId !== undefined && row.userId !== filters.userId) return false;
  if (filters.mine && row.assignee?.toLowerCase() !== now.me.toLowerCase()) return false;
  if (filters.overdue && !(open && row.dueAtMs < now.atMs)) return false;
  return !filters.appealed || row.appealed;
}

function oneOf<T extends string>(known: readonly T[], given: string | null): T | undefined {
  return known.find((one) => one === given);
}

function wordOf(given: string | null, unitsMax: number): string | undefined {
  const word = given?.trim().slice(0, unitsMax);
  return word === "" ? undefined : word;
}
