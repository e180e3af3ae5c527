import { z } from "zod";
import { caseCounts, caseRow } from "./cases.ts";

/** Server-sent events of `GET /admin/api/events`. */
export const liveEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("case"), case: caseRow }),
  z.object({ type: z.literal("counts"), counts: caseCounts }),
  z.object({ type: z.literal("policy"), version: z.string() }),
]);

export type LiveEvent = z.output<typeof liveEvent>;
