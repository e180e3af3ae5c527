import type { z } from "zod";
import type { BulkDecided, DecisionMove } from "../../review/case-decisions.ts";
import { UNDO_WITHIN_MS } from "../../review/case-moves.ts";
import { requireRole } from "./access.ts";
import { badRequest } from "./admin-errors.ts";
import { bulkAnswer, bulkRequest, bulkUndoRequest, caseRow, decisionAnswer, decisionRequest } from "./api-schema.ts";
import { rowOf } from "./case-bodies.ts";
import { caseParams } from "./case-routes.ts";
import { actBeside, isHarsh, settle, takeBackRestrictions } from "./decision-actions.ts";
import { type Route, route } from "./route.ts";

/** A case is put off for a week at most; see case-moves.ts, which checks it. */
type Words = Pick<z.output<typeof decisionRequest>, "move" | "resolution" | "to" | "snoozeUntilMs">;

export const DECISION_ROUTES: readonly Route[] = [
  // Before those with a case number, which would otherwise take `bulk` for one.
  route({
    method: "POST",
    path: "/cases/bulk",
    role: "reviewer",
    summary: "The same decision on up to 100 cases; those that changed meanwhile are left out and named",
    body: bulkRequest,
    answer: bulkAnswer,
    async handle({ admin, caller, body }) {
      const { cases, reason, note } = body;
      const by = caller.userId;
      const bulk = await admin.records.cases.decideMany({ cases, ...moveOf(body), reason, note, by });
      // What could not be said in a chat is in the audit log; the selection itself is decided.
      for (const decided of bulk.decided) await settle(decided, by, admin);
      return bulkBody(bulk, admin.clock.nowMs());
    },
  }),
  route({
    method: "POST",
    path: "/cases/bulk/undo",
    role: "reviewer",
    summary: "Take back a decision on a selection within a minute",
    body: bulkUndoRequest,
    answer: bulkAnswer,
    async handle({ admin, caller, body }) {
      const undone = await admin.records.cases.undoMany({ ...body, by: caller.userId });
      return bulkBody(undone, admin.clock.nowMs());
    },
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/decisions",
    role: "reviewer",
    summary:
      "Decide on a case as it was seen (`version`), and act beside it; 409 with the other's decision if it changed",
    params: caseParams,
    body: decisionRequest,
    answer: decisionAnswer,
    async handle({ admin, caller, params, body, signal }) {
      const { version, reason, note, actions } = body;
      const { caseNumber } = params;
      if (actions.restrict !== undefined && isHarsh(actions.restrict)) {
        await requireRole(caller, "admin", "A restriction of more than a day", admin);
      }
      if (actions.recall === true) await requireRole(caller, "admin", "Recalling what was sent", admin);
      const move = moveOf(body);
      const decided = await admin.records.cases.decide({
        caseNumber,
        version,
        ...move,
        reason,
        note,
        by: caller.userId,
      });
      const problems = [
        ...(await actBeside(decided.case, actions, { by: caller.userId, reason }, admin)),
        ...(await settle(decided, caller.userId, admin)),
      ];
      return {
        case: await rowOf(decided.case, admin, signal),
        undoUntilMs: decided.decision.atMs + UNDO_WITHIN_MS,
        problems,
      };
    },
  }),
  route({
    method: "POST",
    path: "/cases/:caseNumber/undo",
    role: "reviewer",
    summary: "Take back one's own last decision within a minute, and the restriction that came with it",
    params: caseParams,
    answer: caseRow,
    async handle({ admin, caller, params, signal }) {
      const by = caller.userId;
      const undone = await admin.records.cases.undo({ ...params, by });
      await takeBackRestrictions(undone.case, by, admin);
      return rowOf(undone.case, admin, signal);
    },
  }),
];

function moveOf({ move, resolution, to, snoozeUntilMs }: Words): DecisionMove {
  switch (move) {
    case "resolve":
      if (resolution === undefined) throw badRequest("To resolve a case, say how: body.resolution is missing.");
      return { move, resolution };
    case "escalate":
      return { move, to: to ?? null };
    case "snooze":
      if (snoozeUntilMs === undefined)
        throw badRequest("To snooze a case, say until when: body.snoozeUntilMs is missing.");
      return { move, untilMs: snoozeUntilMs };
    case "wake":
    case "reopen":
      return { move };
  }
}

function bulkBody({ batchId, decided, refused }: BulkDecided, nowMs: number): z.input<typeof bulkAnswer> {
  return {
    batchId,
    decided: decided.map((one) => one.case.caseNumber),
    failed: refused.map(({ caseNumber, error }) => ({ caseNumber, why: error.message })),
    undoUntilMs: nowMs + UNDO_WITHIN_MS,
  };
}
