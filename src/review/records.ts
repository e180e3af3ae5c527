/** What the durable side keeps. Built by the turn, spooled in Redis, written to SQL by the recorder. */

export type TurnOutcome =
  | "answered"
  | "refused" // the question was refused
  | "withheld" // the answer was taken back by the output gate
  | "failed"
  | "stopped"
  | "busy"
  | "command"
  | "greeting";

export interface RecordedSignal {
  checker: string;
  category: string;
  confidence: number;
  rule: string;
  spans: { start: number; end: number }[];
}

export interface FlagRecord {
  /** Unique; the number told to the member. */
  caseNumber: string;
  direction: "question" | "answer";
  severity: "P0" | "P1" | "P2" | "P3";
  /** An action of the policy, or `appeal`: a member's objection to the case that a signal's rule names, `appeal:<number>`. */
  action: string;
  categories: string[];
  signals: RecordedSignal[];
  policyVersion: string;
  /** How sure the checkers were, 0 to 1; sorts cases of equal gravity. Absent: 0. */
  confidence?: number;
  /** Whether the member belongs to the company. Absent: nobody said. */
  audience?: "internal" | "external";
  /** The text that was judged: the question, or the answer including what was withheld. */
  text: string;
  /** The same with personal data replaced by the names of their kinds. Absent: the text is its own masked form. */
  textMasked?: string;
}

export interface TurnRecord {
  kind: "turn";
  /** The message's id: writing the same turn twice changes nothing. */
  turnId: string;
  traceId: string;
  conversationId: string;
  channel: "app" | "bot" | "socket";
  groupId: string | null;
  userId: string;
  outcome: TurnOutcome;
  question: string;
  /** The question with personal data replaced by the names of their kinds. Absent: the question is its own masked form. */
  questionMasked?: string;
  /** What the member was shown. */
  answer: string;
  /** As `questionMasked`. */
  answerMasked?: string;
  errorCode: string | null;
  model: string | null;
  endpoint: string | null;
  promptTokens: number | null;
  answerTokens: number | null;
  attempts: number;
  receivedAtMs: number;
  startedAtMs: number;
  /** From receipt. */
  firstTokenAtMs: number | null;
  finishedAtMs: number;
  policyVersion: string;
  flags: FlagRecord[];
  /** What feedback on this turn names: the AI bot's stream, or the turn itself. Null in records of older versions. */
  feedbackId: string | null;
}

export interface FeedbackRecord {
  kind: "feedback";
  /** The platform's id of this event: writing it twice changes nothing. */
  eventId: string;
  feedbackId: string;
  userId: string;
  verdict: "accurate" | "inaccurate" | "cancelled";
  /** off_topic, incomplete, wrong, data_error (wecom-protocol 4.6). */
  reasons: string[];
  comment: string;
  atMs: number;
}

export type SpooledRecord = TurnRecord | FeedbackRecord;

/** The durable store, one contract on SQLite and PostgreSQL. */
export interface RecordStore {
  /**
   * Writes a batch of at most 2,000 in one transaction; a record that is already there is left as it is. Throws
   * `record_store_unavailable` when nothing can be said about the batch, `records_rejected` (`RecordsRejected`) when all
   * but some were written.
   */
  write(records: SpooledRecord[]): Promise<void>;
  /** For `/readyz` and the demo. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
