import { Readable } from "node:stream";
import { z } from "zod";
import { samePerson } from "../../review/case-moves.ts";
import { requireRole } from "./access.ts";
import { badRequest, notFound } from "./admin-errors.ts";
import {
  eraseReport,
  eraseRequest,
  peopleList,
  peopleQuery,
  personDetail,
  reasonRequest,
  restriction,
  restrictRequest,
} from "./api-schema.ts";
import { historyOf, namesOf, restrictionBody, rowsOf } from "./case-bodies.ts";
import { impose, isHarsh, lift } from "./decision-actions.ts";
import { type Route, route } from "./route.ts";

const personParams = z.object({ userId: z.string().trim().min(1).max(64) });
const restrictionParams = personParams.extend({ restrictionId: z.uuid() });

export const PEOPLE_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/people",
    role: "viewer",
    summary: "Members who wrote to the bot in the last 90 days, by userid",
    query: peopleQuery,
    answer: peopleList,
    async handle({ admin, query, signal }) {
      const { q = null, restricted = null, cursor = null, limit } = query;
      const page = await admin.records.console.people({ q, restricted, cursor, limit });
      const names = await namesOf(
        page.people.map(({ userId }) => userId),
        admin,
        signal,
      );
      const people = page.people.map((one) => ({ ...one, name: names.get(one.userId) ?? one.userId }));
      return { people, cursor: page.cursor };
    },
  }),
  route({
    method: "GET",
    path: "/people/:userId",
    role: "viewer",
    summary: "One member: cases, restrictions, figures",
    params: personParams,
    answer: personDetail,
    async handle({ admin, params, signal }) {
      const [known, history] = await Promise.all([
        admin.records.people.history(params.userId),
        historyOf(params.userId, admin, signal),
      ]);
      return { ...history, cases: await rowsOf(known.cases, admin, signal), onHold: known.held };
    },
  }),
  route({
    method: "POST",
    path: "/people/:userId/restrictions",
    role: "reviewer",
    summary: "Mute or ban a member for some hours; over a day, or until it is lifted, takes an admin",
    params: personParams,
    body: restrictRequest,
    answer: restriction,
    async handle({ admin, caller, params, body }) {
      if (isHarsh(body)) await requireRole(caller, "admin", "A restriction of more than a day", admin);
      return restrictionBody(await impose({ ...params, ...body, caseNumber: null, by: caller.userId }, admin));
    },
  }),
  route({
    method: "POST",
    path: "/people/:userId/restrictions/:restrictionId/lift",
    role: "reviewer",
    summary: "Lift a restriction",
    params: restrictionParams,
    body: reasonRequest,
    answer: restriction,
    async handle({ admin, caller, params, body }) {
      const { userId, restrictionId } = params;
      // The one that the page shows with this member, not any whose id somebody knows.
      const own = await admin.records.restrictions.inForceFor(userId);
      if (!own.some((one) => one.restrictionId === restrictionId)) throw notFound();
      return restrictionBody(await lift({ restrictionId, by: caller.userId, reason: body.reason }, admin));
    },
  }),
  route({
    method: "POST",
    path: "/people/:userId/lift-pause",
    role: "reviewer",
    summary: "End the pause that a member's strikes brought",
    params: personParams,
    body: reasonRequest,
    async handle({ admin, caller, params, body }) {
      const subject = `member:${params.userId.toLowerCase()}`;
      const details = { reason: body.reason };
      await admin.records.audit.append({ by: caller.userId, action: "member.lift_pause", subject, details });
      await admin.pauses.lift(params.userId);
    },
  }),
  route({
    method: "GET",
    path: "/people/:userId/export",
    role: "admin",
    summary: "All that is kept about a member, for the member; the export is in the audit log",
    params: personParams,
    gives: "a JSON file",
    async handle({ ctx, admin, caller, params }) {
      const pieces = admin.records.people.export({ ...params, by: caller.userId });
      // The first piece is asked for here, so that a database that is away is an answer and not a broken file.
      const first = await pieces.next();
      ctx.attachment("member.json");
      ctx.type = "application/json";
      ctx.body = Readable.from(continued(first, pieces));
    },
  }),
  route({
    method: "POST",
    path: "/people/:userId/erase",
    role: "admin",
    summary: "Erase what is kept about a member, but for what a legal hold is on",
    params: personParams,
    body: eraseRequest,
    answer: eraseReport,
    async handle({ admin, caller, params, body }) {
      const { userId } = params;
      if (!samePerson(userId, body.confirm)) throw badRequest("body.confirm is not the userid of this member.");
      const before = await admin.records.console.flagCount(userId);
      const report = await admin.records.people.erase({ userId, by: caller.userId, reason: body.reason });
      const after = await admin.records.console.flagCount(userId);
      const { turns, feedback, cases, restrictions, kept } = report;
      const held = kept.memberOnHold || kept.turns > 0 || kept.cases > 0;
      return { turns, flags: Math.max(0, before - after), feedback, cases, restrictions, held };
    },
  }),
];

export async function* continued(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done !== true) yield first.value;
  yield* rest;
}
