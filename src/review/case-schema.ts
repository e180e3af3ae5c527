import type { CaseStatus, Move, Resolution } from "./case-moves.ts";
import type { FlagRecord, TurnRecord } from "./records.ts";
import type { Fixed } from "./schema.ts";

/** Flagged turns of one member in one conversation, close together; what a reviewer decides about. */
export interface CasesTable {
  /** The number of its first flag, which the member was told. */
  case_number: Fixed<string>;
  conversation_id: Fixed<string>;
  channel: Fixed<TurnRecord["channel"]>;
  group_id: Fixed<string | null>;
  user_id: Fixed<string>;
  audience: Fixed<FlagRecord["audience"] | null>;
  /** The gravest of its flags, and what the policy did there. */
  severity: FlagRecord["severity"];
  gravest_flag: string;
  action: string;
  /** JSON array of strings, sorted: all that its flags name. */
  categories: string;
  /** The highest confidence of its flags. */
  score: number;
  flag_count: number;
  appeal_count: number;
  first_raised_at_ms: Fixed<number>;
  last_raised_at_ms: number;
  /** Grows with everything that a reviewer has to know of before deciding: a claim, a decision, a new flag. */
  version: number;

  // The state, see case-moves.ts.
  status: CaseStatus;
  resolution: Resolution | null;
  assignee: string | null;
  claim_until_ms: number | null;
  due_at_ms: number;
  escalation_level: number;
  escalated_to: string | null;
  snoozed_until_ms: number | null;
  pending_resolution: Resolution | null;
  pending_by: string | null;
  decided_by: string | null;
  decided_at_ms: number | null;
  appeal_decided_at_ms: number | null;
  /** For the time to first view. */
  first_claimed_at_ms: number | null;
  /** 0 to 9,999: see second-reviews.ts. */
  sample_bucket: Fixed<number>;
}

/** Appended, never changed. A case's version is the second half of the key, so two decisions on one version cannot be. */
export interface DecisionsTable {
  case_number: Fixed<string>;
  /** The case's version after it. */
  version: Fixed<number>;
  move: Fixed<Move | "undo">;
  from_status: Fixed<CaseStatus>;
  to_status: Fixed<CaseStatus>;
  resolution: Fixed<Resolution | null>;
  /** A word of the policy or of the console's list. Goes into the audit log. */
  reason: Fixed<string>;
  /** In the reviewer's words; may speak of the member, so it goes with the case. */
  note: Fixed<string>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  /** JSON of the `CaseState` before: what an undo brings back. */
  state_before: Fixed<string>;
  /** Of an undo: the version of the decision that it takes back. */
  undoes_version: Fixed<number | null>;
  batch_id: Fixed<string | null>;
}

export interface CaseNotesTable {
  case_number: Fixed<string>;
  /** From 1, within its case. */
  number: Fixed<number>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  text: Fixed<string>;
}

/** The frozen snapshot: the flagged turns and those around them, as they were, whatever becomes of the records. */
export interface CaseTurnsTable {
  case_number: Fixed<string>;
  turn_id: Fixed<string>;
  trace_id: Fixed<string>;
  user_id: Fixed<string>;
  outcome: Fixed<TurnRecord["outcome"]>;
  model: Fixed<string | null>;
  policy_version: Fixed<string>;
  received_at_ms: Fixed<number>;
  question: string;
  question_masked: Fixed<string | null>;
  answer: string;
  answer_masked: Fixed<string | null>;
  masked_at_ms: number | null;
}

export interface RestrictionsTable {
  restriction_id: Fixed<string>;
  user_id: Fixed<string>;
  kind: Fixed<"mute" | "ban">;
  /** Null: until it is lifted. */
  until_ms: Fixed<number | null>;
  case_number: Fixed<string | null>;
  reason: Fixed<string>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  lifted_at_ms: number | null;
  lifted_by: string | null;
  lift_reason: string | null;
}

export interface LegalHoldsTable {
  hold_id: Fixed<string>;
  subject_kind: Fixed<"case" | "member">;
  /** A case number, or a userid in lower case. */
  subject: Fixed<string>;
  reason: Fixed<string>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  lifted_at_ms: number | null;
  lifted_by: string | null;
}

/** What somebody said who did not know how the case was decided. */
export interface SecondReviewsTable {
  case_number: Fixed<string>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  resolution: Fixed<Resolution>;
  /** What the case was resolved with at that time. */
  first_resolution: Fixed<Resolution>;
  /** JSON array of strings: the case's at that time. */
  categories: Fixed<string>;
}

export interface AuditTable {
  /** From 1, without gaps. */
  seq: Fixed<number>;
  at_ms: Fixed<number>;
  by_user: Fixed<string>;
  action: Fixed<string>;
  subject: Fixed<string>;
  /** JSON object of words, numbers and yes or no; hashed as it stands here. */
  details: Fixed<string>;
  prev_hash: Fixed<string>;
  hash: Fixed<string>;
}

/** One row: the end of the chain, which tells when its last rows were cut off; and the lock under which it grows. */
export interface AuditHeadTable {
  one: Fixed<number>;
  seq: number;
  hash: string;
}

export interface CaseTables {
  cases: CasesTable;
  decisions: DecisionsTable;
  case_notes: CaseNotesTable;
  case_turns: CaseTurnsTable;
  restrictions: RestrictionsTable;
  legal_holds: LegalHoldsTable;
  second_reviews: SecondReviewsTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
}
