import { describe, expect, test } from "@jest/globals";
import { consequencesOf } from "../../console/src/logic/consequence.ts";
import { hindranceOf, maySetHours, resolveRequest, snoozeUntilMs } from "../../console/src/logic/decisions.ts";
import { type Draft, draftsOn, NO_DRAFT, type Shelf } from "../../console/src/logic/drafts.ts";
import * as schema from "../../src/handlers/admin/api-schema.ts";
import { rowOf } from "../support/fake-admin-cases.ts";
import { sampleCase } from "../support/fake-admin-data.ts";

function shelf(first: string | null = null): Shelf & { kept: string | null } {
  return {
    kept: first,
    getItem() {
      return this.kept;
    },
    setItem(_key, value) {
      this.kept = value;
    },
  };
}

const FULL: Draft = {
  note: "看过了",
  warn: "请注意",
  restrict: { kind: "mute", hours: 24 },
  allowPhrase: "识别代开发票",
  recall: true,
  answer: "可以这样做",
};

describe("drafts", () => {
  test("a draft is there again after a reload", () => {
    const kept = shelf();
    draftsOn(kept).keep("00001-CASES", FULL);
    expect(draftsOn(kept).read("00001-CASES")).toEqual(FULL);
    expect(draftsOn(kept).read("00002-CASES")).toEqual(NO_DRAFT);
  });

  test("one that was emptied or decided is forgotten", () => {
    const kept = shelf();
    const drafts = draftsOn(kept);
    drafts.keep("00001-CASES", FULL);
    drafts.keep("00001-CASES", NO_DRAFT);
    drafts.keep("00002-CASES", FULL);
    drafts.forget("00002-CASES");
    expect(kept.kept).toBe("[]");
  });

  test("only the latest fifty are kept", () => {
    const kept = shelf();
    const drafts = draftsOn(kept);
    for (let index = 0; index < 60; index += 1) drafts.keep(`case ${index}`, FULL);
    expect(drafts.read("case 9")).toEqual(NO_DRAFT);
    expect(drafts.read("case 10")).toEqual(FULL);
  });

  test("a storage that refuses costs the reload, not the draft", () => {
    const drafts = draftsOn({
      getItem: () => null,
      setItem: () => {
        throw new Error("full");
      },
    });
    drafts.keep("00001-CASES", FULL);
    expect(drafts.read("00001-CASES")).toEqual(FULL);
  });

  test.each(["{", "7", '[["a",{"note":5,"restrict":{"kind":"hang"},"warn":null}]]', "[[1,null]]"])(
    "what somebody else left there (%s) breaks nothing",
    (left) => {
      expect(draftsOn(shelf(left)).read("a")).toEqual(NO_DRAFT);
    },
  );
});

describe("a decision's request", () => {
  test("upholding warns, restricts and recalls, but teaches and answers nothing", () => {
    const request = resolveRequest(4, "confirmed", FULL);
    expect(request.actions).toEqual({ warn: "请注意", restrict: { kind: "mute", hours: 24 }, recall: true });
    expect(schema.decisionRequest.safeParse(request).error).toBeUndefined();
  });

  test.each(["false_positive", "benign_true_hit", "duplicate", "needs_policy"] as const)(
    "%s never punishes, whatever was prepared",
    (resolution) => {
      const { actions } = resolveRequest(4, resolution, FULL);
      expect(actions).toEqual({ allowPhrase: "识别代开发票", answer: "可以这样做" });
    },
  );

  test("without anything prepared there are no actions", () => {
    expect(resolveRequest(1, "confirmed", { ...NO_DRAFT, warn: "  " }).actions).toEqual({});
  });

  test("what is said before is what the request does", () => {
    for (const resolution of ["confirmed", "false_positive"] as const) {
      const said = consequencesOf(resolution, FULL).map(({ what }) => what);
      const done = Object.keys(resolveRequest(1, resolution, FULL).actions ?? {});
      const named = said.map((what) => (what === "phrase" ? "allowPhrase" : what));
      expect(named.filter((what) => what !== "closes" && what !== "strike").sort()).toEqual(done.sort());
    }
  });

  test("tomorrow is nine o'clock, over the end of a month too", () => {
    expect(new Date(snoozeUntilMs("tomorrow", new Date(2026, 10, 30, 23, 59)))).toEqual(new Date(2026, 11, 1, 9));
  });
});

describe("what stands against deciding", () => {
  const atMs = 1_700_000_000_000;
  const row = rowOf(sampleCase(1, atMs).detail);
  const me = { userId: "li.lei", role: "reviewer" as const };

  test("a free case may be decided, one's own too, and one whose claim ran out", () => {
    expect(hindranceOf(row, me, atMs)).toBeNull();
    expect(hindranceOf({ ...row, assignee: "Li.Lei", claimUntilMs: atMs + 1 }, me, atMs)).toBeNull();
    expect(hindranceOf({ ...row, assignee: "han.mei", claimUntilMs: atMs - 1 }, me, atMs)).toBeNull();
  });

  test("a viewer, a closed case, somebody else's claim and one's own first vote do", () => {
    expect(hindranceOf(row, { ...me, role: "viewer" }, atMs)).toBe("viewer");
    expect(hindranceOf({ ...row, status: "resolved" }, me, atMs)).toBe("closed");
    expect(hindranceOf({ ...row, assignee: "han.mei", claimUntilMs: atMs + 1 }, me, atMs)).toBe("held");
    expect(hindranceOf({ ...row, pendingBy: "LI.LEI" }, me, atMs)).toBe("second");
    expect(hindranceOf({ ...row, pendingBy: "han.mei" }, me, atMs)).toBeNull();
  });

  test("more than a day is an admin's to set", () => {
    expect(maySetHours("reviewer", 24)).toBe(true);
    expect(maySetHours("reviewer", 25)).toBe(false);
    expect(maySetHours("reviewer", null)).toBe(false);
    expect(maySetHours("admin", null)).toBe(true);
  });
});
