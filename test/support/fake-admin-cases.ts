import type { z } from "zod";
import type { Decision } from "../../console/src/logic/api-types.ts";
import type * as schema from "../../src/handlers/admin/api-schema.ts";
import type { CaseDetail, CaseRow, CaseTurn } from "../../src/handlers/admin/api-schema.ts";
import { numberOf, sampleCase, unmark } from "./fake-admin-data.ts";

/** Cases in memory, with the moves that the console makes. Simple, and strict where the console must not err: versions. */

type Query = z.output<typeof schema.caseQuery>;
type Decide = Omit<z.output<typeof schema.decisionRequest>, "actions"> &
  Partial<Pick<z.output<typeof schema.decisionRequest>, "actions">>;

export class Conflict extends Error {
  readonly found: CaseDetail;

  constructor(found: CaseDetail) {
    super("the case was changed by somebody else");
    this.found = found;
  }
}

const OPEN = ["new", "claimed", "escalated", "appealed"];
const ORDER = ["P0", "P1", "P2", "P3"];
const LEASE_MS = 600_000;
const UNDO_MS = 60_000;

export class FakeCases {
  readonly #cases = new Map<string, CaseDetail>();
  readonly #raw = new Map<string, CaseTurn[]>();
  readonly #changed: (row: CaseRow) => void;
  #made = 0;
  readonly #before = new Map<string, CaseDetail>();

  constructor(count: number, changed: (row: CaseRow) => void) {
    this.#changed = changed;
    for (let index = 0; index < count; index += 1) this.#make();
  }

  /** A flag comes in. `text` instead of the sample's; `[…]` in it is evidence. */
  raise(text?: string): CaseDetail {
    const detail = this.#make();
    detail.raisedAtMs = Date.now();
    detail.dueAtMs = Date.now() + 3_600_000;
    if (text !== undefined) this.#rewrite(detail, text);
    this.#tell(detail);
    return detail;
  }

  get(caseNumber: string): CaseDetail | undefined {
    return this.#cases.get(caseNumber);
  }

  rawTurns(caseNumber: string): CaseTurn[] {
    return this.#raw.get(caseNumber) ?? [];
  }

  list(query: Query, me: string): { cases: CaseRow[]; cursor: string | null } {
    const found = [...this.#cases.values()].filter((one) => fits(one, query, me)).sort(by(query.sort));
    const start = Number(query.cursor ?? 0);
    const page = found.slice(start, start + query.limit);
    return { cases: page.map(rowOf), cursor: start + query.limit < found.length ? String(start + query.limit) : null };
  }

  ofMember(userId: string): CaseRow[] {
    return [...this.#cases.values()].filter((one) => one.userId === userId).map(rowOf);
  }

  all(): CaseDetail[] {
    return [...this.#cases.values()];
  }

  counts(): z.output<typeof schema.caseCounts> {
    const open = this.all().filter(({ status }) => OPEN.includes(status));
    const tally = (keys: string[]) =>
      Object.fromEntries(keys.map((key) => [key, keys.filter((other) => other === key).length]));
    return {
      open: open.length,
      overdue: open.filter(({ dueAtMs }) => dueAtMs < Date.now()).length,
      byStatus: tally(this.all().map(({ status }) => status)),
      bySeverity: tally(open.map(({ severity }) => severity)),
    };
  }

  next(me: string, wanted: { severity?: string | undefined; category?: string | undefined }): CaseDetail | null {
    const free = this.all()
      .filter((one) => OPEN.includes(one.status) && (one.assignee === null || one.assignee === me))
      .filter((one) => wanted.severity === undefined || one.severity === wanted.severity)
      .filter((one) => wanted.category === undefined || one.categories.includes(wanted.category))
      .filter((one) => one.pendingBy !== me)
      .sort(by("urgency"));
    const [found] = free;
    return found === undefined ? null : this.claim(found, me, false);
  }

  claim(detail: CaseDetail, me: string, takeOver: boolean): CaseDetail {
    const held = detail.assignee !== null && detail.assignee !== me && (detail.claimUntilMs ?? 0) > Date.now();
    if (held && !takeOver) throw new Conflict(detail);
    if (detail.assignee !== me) detail.version += 1;
    if (detail.status === "new") detail.status = "claimed";
    detail.assignee = me;
    detail.claimUntilMs = Date.now() + LEASE_MS;
    return this.#tell(detail);
  }

  release(detail: CaseDetail, me: string): CaseDetail {
    if (detail.assignee !== me) return detail;
    detail.version += 1;
    if (detail.status === "claimed") detail.status = "new";
    detail.assignee = null;
    detail.claimUntilMs = null;
    return this.#tell(detail);
  }

  decide(detail: CaseDetail, me: string, request: Decide): CaseDetail {
    if (request.version !== detail.version) throw new Conflict(detail);
    this.#before.set(detail.caseNumber, structuredClone(detail));
    const after = {
      resolve: "resolved",
      escalate: "escalated",
      snooze: "snoozed",
      wake: "new",
      reopen: "new",
    } as const;
    detail.version += 1;
    detail.status = after[request.move];
    detail.resolution = request.move === "resolve" ? (request.resolution ?? "confirmed") : null;
    detail.assignee = null;
    detail.claimUntilMs = null;
    detail.undoUntilMs = Date.now() + UNDO_MS;
    const decision: Decision = {
      version: detail.version,
      move: request.move,
      resolution: detail.resolution,
      reason: request.reason,
      note: request.note,
      by: me,
      atMs: Date.now(),
      undone: false,
    };
    detail.decisions.push(decision);
    return this.#tell(detail);
  }

  undo(detail: CaseDetail, me: string): CaseDetail {
    const last = detail.decisions.at(-1);
    const before = this.#before.get(detail.caseNumber);
    if (last === undefined || last.by !== me || last.undone || before === undefined) throw new Conflict(detail);
    last.undone = true;
    detail.version += 1;
    detail.status = before.status === "claimed" ? "new" : before.status;
    detail.resolution = before.resolution;
    detail.undoUntilMs = null;
    return this.#tell(detail);
  }

  #make(): CaseDetail {
    const index = this.#made;
    this.#made += 1;
    const { detail, raw } = sampleCase(index, Date.now());
    this.#cases.set(numberOf(index), detail);
    this.#raw.set(numberOf(index), raw);
    return detail;
  }

  #rewrite(detail: CaseDetail, marked: string): void {
    const { text, spans } = unmark(marked);
    detail.excerpt = text;
    for (const turns of [detail.turns, this.rawTurns(detail.caseNumber)]) {
      for (const turn of turns) {
        if (turn.flags.length > 0) turn.question = text;
        for (const flag of turn.flags) {
          flag.text = text;
          for (const signal of flag.signals) signal.spans = spans;
        }
      }
    }
  }

  #tell(detail: CaseDetail): CaseDetail {
    this.#changed(rowOf(detail));
    return detail;
  }
}

export function rowOf(detail: CaseDetail): CaseRow {
  const { conversationId, turns, decisions, notes, member, undoUntilMs, today, ...row } = detail;
  return structuredClone(row);
}

function fits(one: CaseDetail, query: Query, me: string): boolean {
  const open = OPEN.includes(one.status);
  const words = `${one.excerpt} ${one.notes.map(({ text }) => text).join(" ")}`;
  return (
    (query.status === "all" || (query.status === "open" ? open : one.status === query.status)) &&
    (query.severity === undefined || one.severity === query.severity) &&
    (query.category === undefined || one.categories.includes(query.category)) &&
    (query.channel === undefined || one.channel === query.channel) &&
    (query.userId === undefined || one.userId === query.userId) &&
    (query.assignee === undefined || one.assignee === (query.assignee === "me" ? me : query.assignee)) &&
    (query.overdue !== true || (open && one.dueAtMs < Date.now())) &&
    (query.appealed !== true || one.appealed) &&
    (query.q === undefined || words.includes(query.q))
  );
}

function by(sort: Query["sort"]): (one: CaseDetail, other: CaseDetail) => number {
  switch (sort) {
    case "newest":
      return (one, other) => other.raisedAtMs - one.raisedAtMs;
    case "oldest":
      return (one, other) => one.raisedAtMs - other.raisedAtMs;
    case "score":
      return (one, other) => other.score - one.score;
    case "urgency":
      return (one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity) || one.dueAtMs - other.dueAtMs;
  }
}
