/** Times in words, by parts: the words themselves are the dictionaries'. */

export type Unit = "seconds" | "minutes" | "hours" | "days";

/** The largest unit that says it in two figures or so; never negative. */
export function roughly(ms: number): { count: number; unit: Unit } {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return { count: Math.floor(seconds), unit: "seconds" };
  if (seconds < 3600) return { count: Math.floor(seconds / 60), unit: "minutes" };
  if (seconds < 48 * 3600) return { count: Math.floor(seconds / 3600), unit: "hours" };
  return { count: Math.floor(seconds / 86_400), unit: "days" };
}

export type Urgency = "calm" | "soon" | "overdue";

/** `soon`: the last quarter of the time that the severity allows. */
export function clockOf(
  dueAtMs: number,
  raisedAtMs: number,
  nowMs: number,
): { urgency: Urgency; leftMs: number; share: number } {
  const leftMs = dueAtMs - nowMs;
  const allowedMs = Math.max(1, dueAtMs - raisedAtMs);
  const share = Math.min(1, Math.max(0, leftMs / allowedMs));
  const urgency = leftMs <= 0 ? "overdue" : share < 0.25 ? "soon" : "calm";
  return { urgency, leftMs: Math.abs(leftMs), share };
}

/** `today 14:05`, `yesterday`, else the date; for people, in the browser's time zone. */
export function clockTime(atMs: number, nowMs: number, language: string): string {
  const at = new Date(atMs);
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  const sameYear = at.getFullYear() === new Date(nowMs).getFullYear();
  return new Intl.DateTimeFormat(language, {
    ...(sameDay ? {} : { month: "2-digit", day: "2-digit" }),
    ...(sameYear ? {} : { year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(at);
}

export function fullTime(atMs: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(atMs);
}

/** `0.3 ms`, `860 ms`, `2.4 s`, `3 min`. */
export function shortDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
