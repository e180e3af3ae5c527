import { z } from "zod";
import type { BlindCase } from "../../review/second-reviews.ts";
import { agreementAnswer, dashboardQuery, secondReviewNext, secondReviewRequest } from "./api-schema.ts";
import { turnsOf } from "./case-bodies.ts";
import { type Route, route } from "./route.ts";

const DAY_MS = 86_400_000;
/** One decided case in twenty is judged once more: enough to see reviewers drift apart, few enough to be done. */
const SHARE = 0.05;
/** Older ones are no news about how people judge today. */
const SAMPLED_DAYS = 14;

/** A sample of decided cases, judged again by somebody who does not see the decision. It changes no case. */
export const SECOND_REVIEW_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/second-reviews/next",
    role: "reviewer",
    summary: "The next decided case to judge blindly, of those the caller had no part in",
    answer: secondReviewNext,
    async handle({ admin, caller }) {
      const sinceMs = admin.clock.nowMs() - SAMPLED_DAYS * DAY_MS;
      const next = await admin.records.secondReviews.next({ by: caller.userId, share: SHARE, sinceMs });
      return {
        case: next === null ? null : await blindBody(next, (number) => admin.records.console.flagTexts(number)),
      };
    },
  }),
  route({
    method: "POST",
    path: "/second-reviews/:caseNumber",
    role: "reviewer",
    summary: "Judge a decided case a second time; the case stays as it is",
    params: z.object({ caseNumber: z.string().regex(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/) }),
    body: secondReviewRequest,
    async handle({ admin, caller, params, body }) {
      await admin.records.secondReviews.record({ ...params, ...body, by: caller.userId });
    },
  }),
  route({
    method: "GET",
    path: "/second-reviews/agreement",
    role: "viewer",
    summary: "How far reviewers agree: pairs, share of equal ones and Cohen's kappa, in all and by category",
    query: dashboardQuery,
    answer: agreementAnswer,
    async handle({ admin, query }) {
      const untilMs = admin.clock.nowMs();
      return admin.records.secondReviews.agreement({ fromMs: untilMs - query.days * DAY_MS, untilMs });
    },
  }),
];

/** Masked, as cases are shown. */
async function blindBody(blind: BlindCase, textsOf: (caseNumber: string) => Promise<ReadonlyMap<string, string>>) {
  const { flags: _, turns: __, ...facts } = blind;
  return { ...facts, turns: turnsOf(blind, await textsOf(blind.caseNumber)) };
}
