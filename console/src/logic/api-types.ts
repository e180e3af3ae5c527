import type { z } from "zod";
import type * as schema from "../../../src/handlers/admin/api-schema.ts";

/** The bodies of the admin API, as types: the schemas themselves stay on the server. */

export type {
  CaseDetail,
  CaseRow,
  CaseTurn,
  LiveEvent,
  Role,
  Session,
} from "../../../src/handlers/admin/api-schema.ts";

type Out<T extends z.ZodType> = z.output<T>;
type In<T extends z.ZodType> = z.input<T>;

export type Signal = Out<typeof schema.signal>;
export type CaseQuery = In<typeof schema.caseQuery>;
export type CaseList = Out<typeof schema.caseList>;
export type CaseCounts = Out<typeof schema.caseCounts>;
export type CaseNote = Out<typeof schema.caseNote>;
export type Decision = Out<typeof schema.decision>;
export type DecisionRequest = In<typeof schema.decisionRequest>;
export type DecisionAnswer = Out<typeof schema.decisionAnswer>;
export type ConflictAnswer = Out<typeof schema.conflictAnswer>;
export type BulkRequest = In<typeof schema.bulkRequest>;
export type BulkAnswer = Out<typeof schema.bulkAnswer>;
export type RevealAnswer = Out<typeof schema.revealAnswer>;
export type Restriction = Out<typeof schema.restriction>;
export type PeopleList = Out<typeof schema.peopleList>;
export type PersonDetail = Out<typeof schema.personDetail>;
export type EraseReport = Out<typeof schema.eraseReport>;
export type PolicyAnswer = Out<typeof schema.policyAnswer>;
export type PolicyCheckAnswer = Out<typeof schema.policyCheckAnswer>;
export type PolicyTryAnswer = Out<typeof schema.policyTryAnswer>;
export type DryRunAnswer = Out<typeof schema.dryRunAnswer>;
export type Dashboard = Out<typeof schema.dashboardAnswer>;
export type Agreement = Out<typeof schema.agreementAnswer>;
export type SecondReviewNext = Out<typeof schema.secondReviewNext>;
export type HoldList = Out<typeof schema.holdList>;
export type AuditRows = Out<typeof schema.auditRows>;
export type AuditVerdict = Out<typeof schema.auditVerdict>;
export type Settings = Out<typeof schema.settingsAnswer>;
export type LoginOptions = Out<typeof schema.loginOptions>;

export type Severity = Out<typeof schema.caseRow>["severity"];
export type Resolution = NonNullable<Out<typeof schema.caseRow>["resolution"]>;
