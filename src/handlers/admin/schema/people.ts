import { z } from "zod";
import { caseRow, memberHistory } from "./cases.ts";
import { caseNumber, userId, word } from "./parts.ts";

/** Members, and what is kept or erased of them. */

export const peopleQuery = z.object({
  q: word(64).optional(),
  restricted: z.stringbool().optional(),
  cursor: word(2000).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const peopleList = z.object({
  people: z.array(
    z.object({
      userId: z.string(),
      name: z.string(),
      turns90Days: z.int(),
      flags90Days: z.int(),
      confirmed90Days: z.int(),
      lastSeenAtMs: z.int(),
      restrictedUntilMs: z.int().nullable(),
      restricted: z.boolean(),
    }),
  ),
  cursor: z.string().nullable(),
});
export const personDetail = memberHistory.extend({ cases: z.array(caseRow), onHold: z.boolean() });
export const restrictRequest = z.object({
  kind: z.enum(["mute", "ban"]),
  /** Null: until it is lifted. */
  hours: z.number().min(1).max(8760).nullable(),
  reason: word(200),
});
export const eraseRequest = z.object({
  reason: word(200),
  /** The userid once more, so that nobody is erased by a slip. */
  confirm: userId,
});
export const eraseReport = z.object({
  turns: z.int(),
  flags: z.int(),
  feedback: z.int(),
  cases: z.int(),
  restrictions: z.int(),
  /** A legal hold kept some or all of it. */
  held: z.boolean(),
});

const holdSubject = {
  case: z.object({ kind: z.literal("case"), caseNumber }),
  member: z.object({ kind: z.literal("member"), userId }),
};
const holdFacts = z.object({
  holdId: z.string(),
  reason: z.string(),
  by: z.string(),
  atMs: z.int(),
  liftedAtMs: z.int().nullable(),
  liftedBy: z.string().nullable(),
});
export const hold = z.discriminatedUnion("kind", [
  holdSubject.case.extend(holdFacts.shape),
  holdSubject.member.extend(holdFacts.shape),
]);
export const holdList = z.object({ holds: z.array(hold) });
export const holdRequest = z.discriminatedUnion("kind", [
  holdSubject.case.extend({ reason: word(200) }),
  holdSubject.member.extend({ reason: word(200) }),
]);
