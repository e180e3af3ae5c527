import { z } from "zod";
import { caseTurn } from "./cases.ts";
import { channel, resolution, severity } from "./parts.ts";

/** The second, blind review of a sample. */

/** A case without what was decided, by whom, and what came of it. */
export const secondReviewNext = z.object({
  case: z
    .object({
      caseNumber: z.string(),
      severity,
      categories: z.array(z.string()),
      action: z.string(),
      audience: z.enum(["internal", "external"]).nullable(),
      channel,
      groupId: z.string().nullable(),
      turns: z.array(caseTurn),
    })
    .nullable(),
});
export const secondReviewRequest = z.object({ resolution });
const agreement = z.object({
  pairs: z.int(),
  observed: z.number(),
  expected: z.number(),
  /** Cohen's: 1 is full agreement, 0 no more than chance; null where there is nothing to tell apart. */
  kappa: z.number().nullable(),
});
export const agreementAnswer = agreement.extend({
  categories: z.array(agreement.extend({ category: z.string() })),
});
