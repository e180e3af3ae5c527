import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cardBreaches } from "../../simulator/card-rules.ts";
import { cardFault } from "../../simulator/cards.ts";
import { keyOf, readKey, taskIdOf } from "../../src/handlers/review-cards/card-keys.ts";
import { reviewersOf } from "../../src/handlers/review-cards/card-parts.ts";
import { age, digestText, moment, overdueText } from "../../src/handlers/review-cards/card-words.ts";
import { faceOf } from "../../src/handlers/review-cards/review-card.ts";
import { CASE_STATUSES, RESOLUTIONS } from "../../src/review/case-moves.ts";
import type { CaseView, Decision } from "../../src/review/case-reader.ts";
import { SYSTEM } from "../../src/review/case-rows.ts";
import { templateCard } from "../../src/wecom/template-card.ts";

const NOW_MS = 1_793_606_400_000;
const MINUTE_MS = 60_000;

const CASE: CaseView = {
  caseNumber: "K7M2Q-9XZ4B",
  conversationId: "app:1000002:zhangsan",
  channel: "app",
  groupId: null,
  userId: "zhangsan",
  audience: "internal",
  severity: "P0",
  gravestFlag: "K7M2Q-9XZ4B",
  action: "refuse",
  categories: ["minors"],
  score: 0.9,
  flagCount: 1,
  appealCount: 0,
  firstRaisedAtMs: NOW_MS - 3 * MINUTE_MS,
  lastRaisedAtMs: NOW_MS - 3 * MINUTE_MS,
  firstClaimedAtMs: null,
  version: 1,
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
  flags: [],
  turns: [],
  decisions: [],
  notes: [],
  held: false,
};

function face(changes: Partial<CaseView>, name = (userId: string | null) => userId ?? "") {
  return faceOf({ ...CASE, ...changes }, { taskId: "review-1", name, url: "https://a.example/c", nowMs: NOW_MS });
}

function escalation(by: string): Decision {
  return {
    caseNumber: CASE.caseNumber,
    version: 2,
    move: "escalate",
    fromStatus: "new",
    toStatus: "escalated",
    resolution: null,
    reason: "",
    note: "",
    by,
    atMs: NOW_MS,
    undoesVersion: null,
    batchId: null,
  };
}

describe("a case's card", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 300 }), fc.string({ unit: "binary", maxLength: 50 }));
  const person = fc.option(fc.constantFrom("lisi", "zhaoliu", SYSTEM), { nil: null });

  test("of any case, with whatever texts and names, is one that WeCom takes and shows as it was meant", () => {
    const anyCase = fc.record({
      status: fc.constantFrom(...CASE_STATUSES),
      resolution: fc.option(fc.constantFrom(...RESOLUTIONS), { nil: null }),
      pendingResolution: fc.option(fc.constantFrom(...RESOLUTIONS), { nil: null }),
      pendingBy: person,
      decidedBy: person,
      assignee: person,
      claimUntilMs: fc.option(fc.integer({ min: NOW_MS - 1, max: NOW_MS + 1 }), { nil: null }),
      decidedAtMs: fc.option(fc.constant(NOW_MS), { nil: null }),
      categories: fc.array(text, { maxLength: 30 }),
      action: text,
      caseNumber: fc.oneof(fc.constant("K7M2Q-9XZ4B"), text),
      flagCount: fc.integer({ min: 1, max: 100 }),
      groupId: fc.option(text, { nil: null }),
      version: fc.integer({ min: 1, max: 1_000_000 }),
      decisions: fc.array(fc.constantFrom(escalation("lisi"), escalation(SYSTEM)), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(anyCase, text, (changes, name) => {
        const { card, open, version } = face(changes, () => name);
        const json = templateCard({ ...card, taskId: taskIdOf(changes.caseNumber, changes.version) });
        expect(cardFault(json)).toBeUndefined();
        expect(cardBreaches(json, { update: !open })).toEqual([]);
        expect(JSON.stringify(json)).not.toMatch(/\\u[0-9a-f]{4}/);
        for (const { key } of card.buttons) expect(readKey(key)?.version).toBe(version);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["new", {}, null, 3],
    ["in somebody's hands", { status: "claimed", assignee: "lisi", claimUntilMs: NOW_MS + 1 }, "lisi 处理中", 3],
    ["left lying by somebody", { status: "claimed", assignee: "lisi", claimUntilMs: NOW_MS - 1 }, null, 3],
    ["overdue", { status: "escalated", decisions: [escalation(SYSTEM)] }, "超时，已自动升级", 3],
    ["escalated by a person", { status: "escalated", decisions: [escalation("lisi")] }, "已升级 · lisi 11-02 16:00", 2],
    [
      "half decided",
      { status: "escalated", pendingResolution: "confirmed", pendingBy: "lisi" },
      "lisi：确认违规，待第二人",
      3,
    ],
    ["appealed", { status: "appealed", decidedBy: "lisi" }, "成员申诉中", 3],
  ] satisfies [string, Partial<CaseView>, string | null, number][])(
    "of a case that is %s can be pressed, and says how things stand",
    (_, changes, standing, buttons) => {
      const { card, open, standing: said } = face(changes);
      expect([open, said, card.buttons.length, card.replaceText]).toEqual([true, standing, buttons, undefined]);
    },
  );

  test("of a decided case says how, by whom and when in place of its buttons; of one closed by itself, that", () => {
    const decided = { status: "resolved", resolution: "confirmed", decidedBy: "lisi", decidedAtMs: NOW_MS } as const;
    expect(face(decided)).toMatchObject({ open: false, standing: "已确认违规 · lisi 11-02 16:00" });
    expect(face(decided).card.replaceText).toBe("已确认违规");
    const closed = { status: "auto_closed", decidedBy: SYSTEM, decidedAtMs: NOW_MS } as const;
    expect(face(closed).standing).toBe("已自动关闭 · 11-02 16:00");
  });

  test("of a case whose text is gone says so instead of showing nothing", () => {
    expect(face({}).card.text).toContain("已按保留期清除");
  });
});

describe("a card's ids", () => {
  test("are read back from a button, and what is no button of ours is not", () => {
    for (const move of ["dismiss", "confirm", "escalate"] as const) {
      expect(readKey(keyOf(move, 12))).toEqual({ move, version: 12 });
    }
    for (const key of [
      "",
      "rv:dismiss",
      "rv:dismiss:",
      "rv:dismiss:-1",
      "rv:dismiss:1e3",
      "xrv:dismiss:1",
      "rv:dismiss:1\n2",
    ]) {
      expect(readKey(key)).toBeNull();
    }
  });

  test("are of WeCom's alphabet and length whatever a case is called, and differ by case and version", () => {
    const long = "案".repeat(500);
    for (const number of ["K7M2Q-9XZ4B", long, "a b", ""])
      expect(taskIdOf(number, 3)).toMatch(/^[0-9A-Za-z_\-@]{1,128}$/);
    const ids = [taskIdOf("A", 1), taskIdOf("A", 2), taskIdOf("B", 1), taskIdOf(long, 1), taskIdOf(`${long}x`, 1)];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("words for reviewers", () => {
  test("tell an age in the unit that fits", () => {
    const ages = [0, 59_000, 60_000, 59 * MINUTE_MS, 60 * MINUTE_MS, 25 * 60 * MINUTE_MS, -5_000];
    expect(ages.map((ms) => age(NOW_MS - ms, NOW_MS))).toEqual([
      "刚刚",
      "刚刚",
      "1 分钟前",
      "59 分钟前",
      "1 小时前",
      "1 天前",
      "刚刚",
    ]);
    expect(moment(NOW_MS)).toBe("11-02 16:00");
  });

  test("of a digest count by severity, gravest first, and say when there are more", () => {
    const counts = new Map([
      ["P1", 9],
      ["P0", 3],
    ]);
    expect(digestText({ counts, more: true, atMs: NOW_MS, consoleUrl: null })).toBe(
      "【应答审核 11-02 16:00】12 条以上新的待审，最高 P0（P0 3 条，P1 9 条）。请到审核后台处理。",
    );
  });

  test("of an alert name ten cases and count the others", () => {
    const numbers = Array.from({ length: 12 }, (_, index) => `C-${index}`);
    expect(overdueText(numbers, null)).toMatch(/C-9 等 12 条/);
    expect(overdueText(numbers, null)).not.toContain("C-10");
  });

  test("go to reviewers and admins, in lower case, and to no viewer", () => {
    const users = [
      { userId: "LiSi", role: "reviewer" as const },
      { userId: "wangwu", role: "viewer" as const },
      { userId: "zhaoliu", role: "admin" as const },
    ];
    expect(reviewersOf(users)).toEqual(["lisi", "zhaoliu"]);
  });
});
