import { z } from "zod";
import type { LegalHold } from "../../review/legal-holds.ts";
import { hold, holdList, holdRequest } from "./api-schema.ts";
import { type Route, route } from "./route.ts";

/** What retention and erasure leave as it is. Only admins: a hold keeps texts that the law may ask to delete. */
export const HOLD_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/holds",
    role: "admin",
    summary: "Legal holds in force, the latest first",
    answer: holdList,
    async handle({ admin }) {
      return { holds: (await admin.records.holds.inForce()).map(holdBody) };
    },
  }),
  route({
    method: "POST",
    path: "/holds",
    role: "admin",
    summary: "Keep a case or all of a member from retention and erasure",
    body: holdRequest,
    answer: hold,
    async handle({ admin, caller, body }) {
      const { reason, ...subject } = body;
      return holdBody(await admin.records.holds.place({ subject, reason, by: caller.userId }));
    },
  }),
  route({
    method: "POST",
    path: "/holds/:holdId/lift",
    role: "admin",
    summary: "End a legal hold; retention goes on from there",
    params: z.object({ holdId: z.uuid() }),
    answer: hold,
    async handle({ admin, caller, params }) {
      return holdBody(await admin.records.holds.lift({ holdId: params.holdId, by: caller.userId }));
    },
  }),
];

function holdBody({ subject, ...facts }: LegalHold) {
  return { ...facts, ...subject };
}
