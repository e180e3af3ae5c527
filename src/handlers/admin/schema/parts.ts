import { z } from "zod";

/** Pieces of many bodies. */

export const word = (units: number) => z.string().trim().min(1).max(units);
export const note = z.string().max(2000);
export const severity = z.enum(["P0", "P1", "P2", "P3"]);
export const status = z.enum(["new", "claimed", "escalated", "snoozed", "resolved", "auto_closed", "appealed"]);
export const resolution = z.enum(["confirmed", "false_positive", "benign_true_hit", "duplicate", "needs_policy"]);
export const channel = z.enum(["app", "bot", "socket"]);
export const span = z.object({ start: z.int(), end: z.int() });
export const caseNumber = z.string().regex(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
export const userId = word(64);
export const direction = z.enum(["question", "answer"]);

export const ROLES = ["viewer", "reviewer", "admin"] as const;
export const role = z.enum(ROLES);

export type Role = z.output<typeof role>;
