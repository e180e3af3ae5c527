import { z } from "zod";
import { CaseConflict } from "../../review/case-conflict.ts";
import type { CaseFilter } from "../../review/case-list.ts";
import { type CaseStatus, samePerson } from "../../review/case-moves.ts";
import type { CaseSummary } from "../../review/case-reader.ts";
import type { Caller } from "./access.ts";
import { notFound } from "./admin-errors.ts";
import type { AdminContext } from "./admin-parts.ts";
import {
  type CaseQuery,
  caseCounts,
  caseDetail,
  caseList,
  caseNote,
  caseQuery,
  caseRow,
  noteRequest,
  reasonRequest,
  revealAnswer,
} from "./api-schema.ts";
import { detailOf, rawTurnsOf, rowOf, rowsOf } from "./case-bodies.ts";
import { countsOf } from "./case-figures.ts";
import { type Route, route } from "./route.ts";

/** Cases that wait for somebody; snoozed ones wait for their time. */
export const OPEN_STATUSES: readonly CaseStatus[] = ["new", "claimed", "escalated", "appealed"];
/** Pages of 200 looked through for a free one; past them everything urgent is in somebody's hands. */
const NEXT_PAGES_MAX = 10;
/** Cases that others took while we asked; then this reviewer asks again. */
const NEXT_TRIES_MAX = 20;

export const caseParams = z.object({ caseNumber: z.string().regex(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/) });
const nextRequest = z.object({ severity: caseQuery.shape.severity, category: caseQuery.shape.category });

export const CASE_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/cases",
    role: "viewer",
    summary: "A page of the queue",
    query: caseQuery,
    answer: caseList,
    async handle({ admin, caller, query, signal }) {
      const { sort: order, limit, cursor = null } = query;
      const page = await admin.records.cases.list({ filter: filterOf(query, caller, admin), order, limit, cursor });
      return { cases: await rowsOf(page.cases, admin, signal), cursor: page.cursor };
    },
  }),
  route({
    method: "GET",
    path: "/cases/counts",
    role: "viewer",
    summary: "How many cases there are, by state and severity",
    answer: caseCounts,
    handle: async ({ admin }) => countsOf(await admin.records.cases.counts()),
  }),
  route({
    method: "POST",
    path: "/cases/next",
    role: "reviewer",
    summary: "Claim the most urgent case that nobody has in hand",
    body: nextRequest,
    answer: z.object({ case: caseDetail.nullable() }),
    async handle({ admin, caller, body, signal }) {
      const claimed = await claimNext(body, caller, admin);
      if (claimed === null) return { case: null };
      return { case: await detailOf(await admin.records.cases.get(claimed.caseNumber), admin, signal) };
    },
  }),
  route({
    method: "GET",
    path: "/cases/:caseNumber",
    role: "viewer",
    summary: "One case: its conversation masked, decisions, notes, and the member's history",
    params: caseParams,
    answer: caseDetail,
    handle: async ({ admin, params, signal }) =>
      detailOf(await admin.records.cases.get(params.caseNumber), admin, signal),
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/claim",
    role: "reviewer",
    summary: "Take a case in hand for ten minutes; `takeOver` also from somebody else",
    params: caseParams,
    body: z.object({ takeOver: z.boolean().default(false) }),
    answer: caseRow,
    async handle({ admin, caller, params, body, signal }) {
      const request = { ...params, by: caller.userId, takeOver: body.takeOver };
      return rowOf(await admin.records.cases.claim(request), admin, signal);
    },
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/renew",
    role: "reviewer",
    summary: "Keep a case in hand for another ten minutes",
    params: caseParams,
    answer: caseRow,
    handle: async ({ admin, caller, params, signal }) =>
      rowOf(await admin.records.cases.renew({ ...params, by: caller.userId }), admin, signal),
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/release",
    role: "reviewer",
    summary: "Give a case back",
    params: caseParams,
    answer: caseRow,
    handle: async ({ admin, caller, params, signal }) =>
      rowOf(await admin.records.cases.release({ ...params, by: caller.userId }), admin, signal),
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/notes",
    role: "reviewer",
    summary: "Add a note, which decides nothing",
    params: caseParams,
    body: noteRequest,
    answer: caseNote,
    handle: ({ admin, caller, params, body }) =>
      admin.records.cases.addNote({ ...params, by: caller.userId, text: body.text }),
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/reveal",
    role: "reviewer",
    summary: "The texts as they were written, for a reason; the look is in the audit log before they are read",
    params: caseParams,
    body: reasonRequest,
    answer: revealAnswer,
    async handle({ admin, caller, params, body }) {
      const raw = await admin.records.cases.reveal({ ...params, by: caller.userId, reason: body.reason });
      return { turns: rawTurnsOf(await admin.records.cases.get(params.caseNumber), raw) };
    },
  }),
];

function filterOf(query: CaseQuery, caller: Caller, admin: AdminContext): CaseFilter {
  const { status, severity, category, channel, userId, assignee, appealed, overdue, q, fromMs, untilMs } = query;
  const statuses = status === "all" ? null : status === "open" ? OPEN_STATUSES : [status];
  return {
    ...(statuses === null ? {} : { statuses }),
    ...(severity === undefined ? {} : { severities: [severity] }),
    ...(category === undefined ? {} : { categories: [category] }),
    ...(channel === undefined ? {} : { channel }),
    ...(userId === undefined ? {} : { userId }),
    ...(assignee === undefined ? {} : { assignee: assignee === "me" ? caller.userId : assignee }),
    ...(appealed === undefined ? {} : { appealed }),
    ...(overdue === true ? { overdueAtMs: admin.clock.nowMs() } : {}),
    ...(q === undefined ? {} : { text: q }),
    ...(fromMs === undefined ? {} : { raisedFromMs: fromMs }),
    ...(untilMs === undefined ? {} : { raisedUntilMs: untilMs }),
  };
}

/** Without a filter one atomic statement; with one, the list is walked and each claim is atomic by itself. */
async function claimNext(
  { severity, category }: z.output<typeof nextRequest>,
  caller: Caller,
  admin: AdminContext,
): Promise<CaseSummary | null> {
  const { cases } = admin.records;
  const by = caller.userId;
  if (severity === undefined && category === undefined) return cases.claimNext({ by });
  const filter: CaseFilter = {
    statuses: OPEN_STATUSES,
    ...(severity === undefined ? {} : { severities: [severity] }),
    ...(category === undefined ? {} : { categories: [category] }),
  };
  const nowMs = admin.clock.nowMs();
  let tries = 0;
  let cursor: string | null = null;
  for (let pages = 0; pages < NEXT_PAGES_MAX; pages += 1) {
    const page = await cases.list({ filter, order: "urgency", limit: 200, cursor });
    for (const one of page.cases.filter((found) => isFor(by, found, nowMs))) {
      tries += 1;
      if (tries > NEXT_TRIES_MAX) return null;
      try {
        return await cases.claim({ caseNumber: one.caseNumber, by });
      } catch (error) {
        // Somebody else was quicker, or retention was.
        if (!(error instanceof CaseConflict) && !isGone(error)) throw error;
      }
    }
    cursor = page.cursor;
    if (cursor === null) break;
  }
  return null;
}

/** As `claimNext` in case-claims.ts: free, no appeal of one's own decision, no second look at one's own first. */
function isFor(by: string, one: CaseSummary, nowMs: number): boolean {
  const free = one.claimUntilMs === null || one.claimUntilMs < nowMs;
  return free && !samePerson(one.pendingBy, by) && !(one.status === "appealed" && samePerson(one.decidedBy, by));
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === notFound().code;
}
