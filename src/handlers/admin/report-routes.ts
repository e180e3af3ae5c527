import { Readable } from "node:stream";
import { z } from "zod";
import { notFound } from "./admin-errors.ts";
import {
  auditExportQuery,
  auditQuery,
  auditRows,
  auditVerdict,
  dashboardAnswer,
  dashboardQuery,
  settingsAnswer,
} from "./api-schema.ts";
import { continued } from "./people-routes.ts";
import { type Route, route } from "./route.ts";

const sessionParams = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/) });

export const REPORT_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/dashboard",
    role: "viewer",
    summary: "The last days in figures, at most ten seconds old",
    query: dashboardQuery,
    answer: dashboardAnswer,
    handle: ({ admin, query }) => admin.records.console.dashboard(query.days),
  }),
  route({
    method: "GET",
    path: "/audit",
    role: "admin",
    summary: "Who did what, the latest first",
    query: auditQuery,
    answer: auditRows,
    async handle({ admin, query }) {
      const { before, subject, limit } = query;
      return { rows: await admin.records.audit.recent(limit, before, subject === undefined ? {} : { subject }) };
    },
  }),
  route({
    method: "GET",
    path: "/audit/verify",
    role: "admin",
    summary: "Whether the chain of the audit log holds",
    answer: auditVerdict,
    async handle({ admin }) {
      const verdict = await admin.records.audit.verify();
      if (verdict.ok) return { ok: true, rows: verdict.rows, seq: verdict.head.seq, why: null };
      return { ok: false, rows: Math.max(0, verdict.seq - 1), seq: verdict.seq, why: verdict.why };
    },
  }),
  route({
    method: "GET",
    path: "/audit/export",
    role: "admin",
    summary: "The audit log as a file, oldest first; the export is in it",
    query: auditExportQuery,
    gives: "JSON lines, or CSV that is safe to open in a spreadsheet",
    async handle({ ctx, admin, caller, query }) {
      const { format, subject, fromMs, untilMs } = query;
      const entry = { by: caller.userId, action: "audit.export", subject: "audit", details: { format } };
      await admin.records.audit.append(entry);
      const lines = admin.records.audit.export(format, {
        ...(subject === undefined ? {} : { subject }),
        ...(fromMs === undefined ? {} : { fromMs }),
        ...(untilMs === undefined ? {} : { untilMs }),
      });
      const first = await lines.next();
      ctx.attachment(`audit.${format}`);
      ctx.type = format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson";
      ctx.body = Readable.from(continued(first, lines));
    },
  }),
  route({
    method: "GET",
    path: "/settings",
    role: "admin",
    summary: "What the environment made of the service, who may come in, and who is signed in",
    answer: settingsAnswer,
    async handle({ admin, caller }) {
      const sessions = await admin.sessions.list();
      return {
        ...admin.settings(),
        people: admin.users.map(({ userId, role }) => ({ userId, role })),
        sessions: sessions.map(({ id, userId, createdAtMs, lastSeenAtMs }) => {
          return { id, userId, atMs: createdAtMs, lastSeenAtMs, current: id === caller.session.id };
        }),
      };
    },
  }),
  route({
    method: "POST",
    path: "/settings/sessions/:id/revoke",
    role: "admin",
    summary: "Sign somebody out",
    params: sessionParams,
    async handle({ admin, caller, params }) {
      const session = (await admin.sessions.list()).find(({ id }) => id === params.id);
      if (session === undefined) throw notFound();
      await admin.sessions.revoke(session.id);
      const subject = `member:${session.userId.toLowerCase()}`;
      const entry = { by: caller.userId, action: "session.revoke", subject, details: {} };
      await admin.records.audit.append(entry);
    },
  }),
  route({
    method: "GET",
    path: "/events",
    role: "viewer",
    summary: "What changes, as it changes: cases, counts, the policy",
    gives: "server-sent events, each a liveEvent; a comment line every 15 s",
    async handle({ ctx, admin, caller }) {
      admin.hub.open(ctx, caller);
    },
  }),
];
