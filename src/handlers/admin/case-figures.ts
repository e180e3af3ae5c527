import type { z } from "zod";
import type { CaseCount } from "../../review/case-list.ts";
import type { caseCounts } from "./api-schema.ts";

const DECIDED: ReadonlySet<string> = new Set(["resolved", "auto_closed"]);

/** The queue in figures; by severity only what is open, snoozed included. */
export function countsOf(counts: readonly CaseCount[]): z.input<typeof caseCounts> {
  const byStatus: Record<string, number> = {};
  const bySeverity: Record<string, number> = {};
  let open = 0;
  let overdue = 0;
  for (const { status, severity, count, overdue: late } of counts) {
    byStatus[status] = (byStatus[status] ?? 0) + count;
    overdue += late;
    if (DECIDED.has(status)) continue;
    bySeverity[severity] = (bySeverity[severity] ?? 0) + count;
    if (status !== "snoozed") open += count;
  }
  return { open, overdue, byStatus, bySeverity };
}
