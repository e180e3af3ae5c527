/** What may happen to a case, as pure functions: the same for the console, for cards in WeCom and for the sweep. */

export const CASE_STATUSES = ["new", "claimed", "escalated", "snoozed", "resolved", "auto_closed", "appealed"] as const;
export type CaseStatus = (typeof CASE_STATUSES)[number];

/** Nobody has to look at a case in these states again; in every other state a reviewer still needs its texts. */
export const DECIDED_STATUSES: readonly CaseStatus[] = ["resolved", "auto_closed"];

/**
 * `benign_true_hit`: the rule was right, the use was harmless (a teacher's question). `needs_policy`: the rules have no
 * answer yet.
 */
export const RESOLUTIONS = ["confirmed", "false_positive", "benign_true_hit", "duplicate", "needs_policy"] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** Whether a resolution says that the member did nothing wrong. */
export function clearsMember(resolution: Resolution): boolean {
  return resolution === "false_positive" || resolution === "benign_true_hit";
}

export type Move = "claim" | "release" | "resolve" | "escalate" | "snooze" | "wake" | "close" | "appeal" | "reopen";

/** What a person decides; the other moves are the queue's, the member's and the sweep's. */
export const REVIEWER_MOVES = ["resolve", "escalate", "snooze", "wake", "reopen"] as const;
export type ReviewerMove = (typeof REVIEWER_MOVES)[number];

/**
 * Move → status before → status after. What is not here does not happen. A claim is a lease beside the status: an
 * escalated or appealed case stays what it is while somebody has it in hand.
 */
export const MOVES: Readonly<Record<Move, Readonly<Partial<Record<CaseStatus, CaseStatus>>>>> = {
  claim: { new: "claimed", claimed: "claimed", escalated: "escalated", appealed: "appealed" },
  release: { claimed: "new", escalated: "escalated", appealed: "appealed" },
  resolve: {
    new: "resolved",
    claimed: "resolved",
    escalated: "resolved",
    snoozed: "resolved",
    appealed: "resolved",
  },
  escalate: {
    new: "escalated",
    claimed: "escalated",
    escalated: "escalated",
    snoozed: "escalated",
    appealed: "appealed",
  },
  snooze: { new: "snoozed", claimed: "snoozed", escalated: "snoozed" },
  wake: { snoozed: "new" },
  close: { new: "auto_closed", escalated: "auto_closed", snoozed: "auto_closed" },
  appeal: {
    new: "new",
    claimed: "claimed",
    escalated: "escalated",
    snoozed: "snoozed",
    resolved: "appealed",
    auto_closed: "appealed",
    appealed: "appealed",
  },
  reopen: { resolved: "new", auto_closed: "new" },
};

/** How late is too late to snooze or to take back. */
export const SNOOZE_MS_MAX = 7 * 86_400_000;
export const UNDO_WITHIN_MS = 60_000;
/** Escalation stops here: past it there is nobody higher to tell, and the row must not be due for ever. */
export const ESCALATION_LEVEL_MAX = 3;

const HOUR_MS = 3600_000;
/** From the first flag, or the last escalation, to the decision (design: P0 1 h, P1 4 h, P2 24 h, P3 72 h). */
export const DUE_AFTER_MS: Readonly<Record<"P0" | "P1" | "P2" | "P3", number>> = {
  P0: HOUR_MS,
  P1: 4 * HOUR_MS,
  P2: 24 * HOUR_MS,
  P3: 72 * HOUR_MS,
};
/** A member who objects is answered within three days, however grave the case was. */
export const APPEAL_DUE_AFTER_MS = 72 * HOUR_MS;

/** The part of a case that moves change. */
export interface CaseState {
  status: CaseStatus;
  resolution: Resolution | null;
  assignee: string | null;
  claimUntilMs: number | null;
  dueAtMs: number;
  /** 0: never escalated. */
  escalationLevel: number;
  /** A role's name, as the policy or the console knows it. */
  escalatedTo: string | null;
  snoozedUntilMs: number | null;
  /** Four-eyes: what the first reviewer said, waiting for a second. */
  pendingResolution: Resolution | null;
  pendingBy: string | null;
  decidedBy: string | null;
  decidedAtMs: number | null;
  /** When an appeal was decided; a case is appealed once. */
  appealDecidedAtMs: number | null;
}

export type MoveRequest = { by: string; atMs: number } & (
  | { move: "resolve"; resolution: Resolution; fourEyes: boolean }
  | { move: "escalate"; to: string | null; dueAtMs: number }
  | { move: "snooze"; untilMs: number }
  | { move: "wake" | "close" | "reopen"; dueAtMs: number }
  | { move: "appeal" }
);

/** `why` is for the reviewer: it says what stands against the move. */
export type Moved = { ok: true; state: CaseState } | { ok: false; why: string };

/** The state after a move, or why there is none. Pure, total, and it never changes its argument. */
export function applyMove(state: CaseState, request: MoveRequest): Moved {
  const status = MOVES[request.move][state.status];
  if (status === undefined) return no(`a case that is ${state.status} cannot be moved by ${request.move}`);
  const { by, atMs } = request;
  const free = { ...state, status, assignee: null, claimUntilMs: null, snoozedUntilMs: null };
  switch (request.move) {
    case "resolve":
      return resolve(state, request);
    case "escalate":
      return yes({
        ...free,
        escalationLevel: Math.min(ESCALATION_LEVEL_MAX, state.escalationLevel + 1),
        escalatedTo: request.to,
        dueAtMs: request.dueAtMs,
      });
    case "snooze":
      if (!(request.untilMs > atMs)) return no("a case is snoozed until a time to come");
      if (request.untilMs > atMs + SNOOZE_MS_MAX) return no("a case is snoozed for a week at most");
      return yes({ ...free, snoozedUntilMs: request.untilMs });
    case "wake":
      return yes({ ...free, dueAtMs: Math.max(state.dueAtMs, request.dueAtMs) });
    case "close":
      if (state.pendingResolution !== null) return no("a second reviewer has to confirm first");
      return yes({ ...free, decidedBy: by, decidedAtMs: atMs });
    case "reopen":
      return yes({
        ...free,
        resolution: null,
        decidedBy: null,
        decidedAtMs: null,
        pendingResolution: null,
        pendingBy: null,
        dueAtMs: request.dueAtMs,
      });
    case "appeal":
      if (!DECIDED_STATUSES.includes(state.status)) return yes(state);
      if (state.appealDecidedAtMs !== null) return no("an appeal of this case was decided before");
      return yes({ ...free, dueAtMs: atMs + APPEAL_DUE_AFTER_MS });
  }
}

/** Whether two userids are one person: WeCom treats them without regard to case. */
export function samePerson(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && one.toLowerCase() === other.toLowerCase();
}

function resolve(state: CaseState, request: Extract<MoveRequest, { move: "resolve" }>): Moved {
  const { by, atMs, resolution, fourEyes } = request;
  const appealed = state.status === "appealed";
  if (appealed && samePerson(state.decidedBy, by))
    return no("an appeal is decided by somebody else than the first time");
  if (samePerson(state.pendingBy, by)) return no("a second, different reviewer has to confirm");
  const free = { ...state, assignee: null, claimUntilMs: null, snoozedUntilMs: null };
  // Once somebody asked for a second pair of eyes, a changed policy does not take it away.
  const needsTwo = fourEyes || state.pendingResolution !== null;
  if (needsTwo && state.pendingResolution !== resolution) {
    const status = appealed ? "appealed" : "escalated";
    return yes({ ...free, status, pendingResolution: resolution, pendingBy: by });
  }
  return yes({
    ...free,
    status: "resolved",
    resolution,
    pendingResolution: null,
    pendingBy: null,
    decidedBy: by,
    decidedAtMs: atMs,
    appealDecidedAtMs: appealed ? atMs : state.appealDecidedAtMs,
  });
}

function yes(state: CaseState): Moved {
  return { ok: true, state };
}

function no(why: string): Moved {
  return { ok: false, why };
}
