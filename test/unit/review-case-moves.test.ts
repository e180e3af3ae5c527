import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  applyMove,
  CASE_STATUSES,
  type CaseState,
  DECIDED_STATUSES,
  ESCALATION_LEVEL_MAX,
  MOVES,
  type MoveRequest,
  RESOLUTIONS,
  SNOOZE_MS_MAX,
  samePerson,
} from "../../src/review/case-moves.ts";

const NOW_MS = 1_793_606_400_000;
const person = fc.constantFrom("LiLei", "lilei", "HanMei", "Lucy");
const someone = fc.option(person, { nil: null });
const time = fc.integer({ min: NOW_MS - 1000, max: NOW_MS + 1000 });
const resolution = fc.constantFrom(...RESOLUTIONS);

const NEW: CaseState = {
  status: "new",
  resolution: null,
  assignee: null,
  claimUntilMs: null,
  dueAtMs: NOW_MS,
  escalationLevel: 0,
  escalatedTo: null,
  snoozedUntilMs: null,
  pendingResolution: null,
  pendingBy: null,
  decidedBy: null,
  decidedAtMs: null,
  appealDecidedAtMs: null,
};

const request: fc.Arbitrary<MoveRequest> = fc.oneof(
  fc.record({ move: fc.constant("resolve" as const), resolution, fourEyes: fc.boolean(), by: person, atMs: time }),
  fc.record({ move: fc.constant("escalate" as const), to: someone, dueAtMs: time, by: person, atMs: time }),
  fc.record({
    move: fc.constant("snooze" as const),
    untilMs: fc.integer({ min: NOW_MS - 5000, max: NOW_MS + 2 * SNOOZE_MS_MAX }),
    by: person,
    atMs: time,
  }),
  fc.record({
    move: fc.constantFrom("wake" as const, "close" as const, "reopen" as const),
    dueAtMs: time,
    by: person,
    atMs: time,
  }),
  fc.record({ move: fc.constant("appeal" as const), by: person, atMs: time }),
);

/** Every state that requests can lead to, with the way there. */
function walk(requests: readonly MoveRequest[]): { before: CaseState; request: MoveRequest; after: CaseState }[] {
  const steps = [];
  let state = NEW;
  for (const one of requests) {
    const moved = applyMove(state, one);
    if (!moved.ok) continue;
    steps.push({ before: state, request: one, after: moved.state });
    state = moved.state;
  }
  return steps;
}

const ways = fc.array(request, { maxLength: 40 });

describe("moves of a case", () => {
  test("what the table does not have is refused, with a reason", () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASE_STATUSES), request, (status, one) => {
        const moved = applyMove({ ...NEW, status }, one);
        if (MOVES[one.move][status] === undefined) {
          expect(moved).toEqual({ ok: false, why: expect.stringMatching(/./) });
        }
      }),
    );
  });

  test("a move never changes the state that it was given", () => {
    fc.assert(
      fc.property(ways, (requests) => {
        for (const { before, request: one } of walk(requests)) {
          const copy = structuredClone(before);
          applyMove(before, one);
          expect(before).toEqual(copy);
        }
      }),
    );
  });

  test("every way keeps: a status of the table, one resolution where it is resolved, no claim on what is decided or snoozed", () => {
    fc.assert(
      fc.property(ways, (requests) => {
        for (const { before, request: one, after } of walk(requests)) {
          const allowed = MOVES[one.move][before.status];
          // With four eyes a first resolution leaves the case open.
          const open = one.move === "resolve" && after.pendingBy === one.by;
          expect(after.status === allowed || (open && !DECIDED_STATUSES.includes(after.status))).toBe(true);
          if (after.status === "resolved") expect(after.resolution).not.toBeNull();
          if (after.status === "snoozed") expect(after.snoozedUntilMs).not.toBeNull();
          else expect(after.snoozedUntilMs).toBeNull();
          if (one.move !== "appeal" || before.status !== after.status) expect(after.assignee).toBeNull();
          expect(DECIDED_STATUSES.includes(after.status) || after.status === "appealed").toBe(after.decidedBy !== null);
          expect((after.pendingBy === null) === (after.pendingResolution === null)).toBe(true);
          expect(after.escalationLevel).toBeLessThanOrEqual(ESCALATION_LEVEL_MAX);
        }
      }),
    );
  });

  test("with four eyes no case is resolved before two different people said the same", () => {
    fc.assert(
      fc.property(ways, (requests) => {
        const strict = requests.map((one) => (one.move === "resolve" ? { ...one, fourEyes: true } : one));
        for (const { before, request: one, after } of walk(strict)) {
          if (one.move !== "resolve" || after.status !== "resolved") continue;
          expect(before.pendingResolution).toBe(one.resolution);
          expect(samePerson(before.pendingBy, one.by)).toBe(false);
        }
      }),
    );
  });

  test("an appeal is decided once, and never by who decided before", () => {
    fc.assert(
      fc.property(ways, (requests) => {
        let appeals = 0;
        for (const { before, request: one, after } of walk(requests)) {
          if (before.status !== "appealed" && after.status === "appealed") appeals += 1;
          if (before.status !== "appealed" || after.status !== "resolved") continue;
          expect(samePerson(before.decidedBy, one.by)).toBe(false);
          expect(after.appealDecidedAtMs).toBe(one.atMs);
        }
        expect(appeals).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("whatever happened, an open case can be resolved by two people who agree", () => {
    fc.assert(
      fc.property(ways, (requests) => {
        let state = walk(requests).at(-1)?.after ?? NEW;
        if (DECIDED_STATUSES.includes(state.status)) return;
        for (const by of ["First", "Second"]) {
          const moved = applyMove(state, {
            move: "resolve",
            resolution: "confirmed",
            fourEyes: true,
            by,
            atMs: NOW_MS,
          });
          if (moved.ok) state = moved.state;
        }
        expect(state).toMatchObject({ status: "resolved", resolution: "confirmed" });
      }),
    );
  });

  test.each([
    [NOW_MS, false],
    [NOW_MS + 1, true],
    [NOW_MS + SNOOZE_MS_MAX, true],
    [NOW_MS + SNOOZE_MS_MAX + 1, false],
    [Number.NaN, false],
  ])("snoozing until %d: %s", (untilMs, ok) => {
    expect(applyMove(NEW, { move: "snooze", untilMs, by: "LiLei", atMs: NOW_MS }).ok).toBe(ok);
  });
});
