import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  belongs,
  CHANNELS,
  countFilters,
  type Filters,
  isServersQueue,
  NO_FILTERS,
  queryOf,
  readFilters,
  SEVERITIES,
  SORTS,
  STATUSES,
  writeFilters,
} from "../../console/src/logic/filters.ts";
import { hrefOf, hrefOfSubject, readRoute } from "../../console/src/logic/routes.ts";
import * as schema from "../../src/handlers/admin/api-schema.ts";
import { rowOf } from "../support/fake-admin-cases.ts";
import { sampleCase } from "../support/fake-admin-data.ts";

const filters: fc.Arbitrary<Filters> = fc
  .record(
    {
      status: fc.constantFrom(...STATUSES),
      severity: fc.constantFrom(...SEVERITIES),
      category: fc.constantFrom("pii", "cyber"),
      channel: fc.constantFrom(...CHANNELS),
      userId: fc.constantFrom("li.si", "O'Neil@x", "a&b=c"),
      mine: fc.boolean(),
      overdue: fc.boolean(),
      appealed: fc.boolean(),
      q: fc.constantFrom("", "发票", "a b&c", "100%"),
      sort: fc.constantFrom(...SORTS),
    },
    { requiredKeys: ["status", "mine", "overdue", "appealed", "q", "sort"] },
  )
  .map((one) => one as Filters);

describe("filters in the address", () => {
  test("what is written is read again, whatever is set", () => {
    fc.assert(fc.property(filters, (one) => expect(readFilters(writeFilters(one))).toEqual(one)));
  });

  test("the usual view has no query", () => {
    expect(writeFilters(NO_FILTERS)).toBe("");
    expect(readFilters("")).toEqual(NO_FILTERS);
  });

  test("unknown values are left out, too long ones are cut", () => {
    expect(readFilters("?status=lost&severity=P9&channel=fax&sort=luck&x=1")).toEqual(NO_FILTERS);
    expect(readFilters(`?q=${"x".repeat(500)}`).q).toHaveLength(100);
  });

  test("every query is one that the server's schema takes", () => {
    fc.assert(
      fc.property(filters, (one) => {
        const query = Object.fromEntries(new URLSearchParams(queryOf(one, { limit: 50 })));
        expect(schema.caseQuery.safeParse(query).error).toBeUndefined();
      }),
    );
  });

  test("the server hands out the next case only for views that it knows", () => {
    expect(isServersQueue(NO_FILTERS)).toBe(true);
    expect(isServersQueue({ ...NO_FILTERS, severity: "P1", category: "pii" })).toBe(true);
    expect(isServersQueue({ ...NO_FILTERS, mine: true })).toBe(false);
    expect(isServersQueue({ ...NO_FILTERS, sort: "newest" })).toBe(false);
    expect(isServersQueue({ ...NO_FILTERS, userId: "li.si" })).toBe(false);
    expect(countFilters({ ...NO_FILTERS, userId: "li.si", q: "发票" })).toBe(2);
  });
});

describe("whether a case belongs in the view", () => {
  const atMs = 1_700_000_000_000;
  const row = rowOf(sampleCase(1, atMs).detail);
  const now = { me: "li.lei", atMs };

  test("an open one belongs in the usual view until it is decided", () => {
    expect(belongs(row, NO_FILTERS, now)).toBe(true);
    expect(belongs({ ...row, status: "resolved" }, NO_FILTERS, now)).toBe(false);
    expect(belongs({ ...row, status: "resolved" }, { ...NO_FILTERS, status: "all" }, now)).toBe(true);
  });

  test("each filter counts", () => {
    expect(belongs(row, { ...NO_FILTERS, severity: "P0" }, now)).toBe(false);
    expect(belongs(row, { ...NO_FILTERS, category: row.categories[0] ?? "" }, now)).toBe(true);
    expect(belongs(row, { ...NO_FILTERS, channel: "socket" }, now)).toBe(false);
    expect(belongs(row, { ...NO_FILTERS, userId: "nobody" }, now)).toBe(false);
    expect(belongs(row, { ...NO_FILTERS, appealed: true }, now)).toBe(false);
    expect(belongs(row, { ...NO_FILTERS, overdue: true }, now)).toBe(false);
    expect(belongs(row, { ...NO_FILTERS, overdue: true }, { ...now, atMs: row.dueAtMs + 1 })).toBe(true);
  });

  test("mine is mine without regard to case", () => {
    expect(belongs({ ...row, assignee: "Li.Lei" }, { ...NO_FILTERS, mine: true }, now)).toBe(true);
    expect(belongs(row, { ...NO_FILTERS, mine: true }, now)).toBe(false);
  });
});

describe("the pages' addresses", () => {
  test.each([
    "/admin/queue",
    "/admin/queue?severity=P1&q=%E5%8F%91%E7%A5%A8",
    "/admin/cases/00001-CASES?status=all",
    "/admin/people",
    "/admin/people?user=li.si",
    "/admin/people?q=li&restricted=1",
    "/admin/policy",
    "/admin/dashboard",
    "/admin/dashboard?days=30",
    "/admin/audit?subject=case%3A00001-CASES",
    "/admin/settings",
  ])("%s is read and written alike", (href) => {
    const url = new URL(href, "http://localhost");
    expect(hrefOf(readRoute(url.pathname, url.search))).toBe(href);
  });

  test("no path holds a dot, which the server would take for a file", () => {
    const person = hrefOf({ page: "people", userId: "li.si", q: "", restricted: false });
    expect(new URL(person, "http://localhost").pathname).not.toContain(".");
  });

  test("the subject of an audit row leads to the case or the member, other words lead nowhere", () => {
    expect(hrefOfSubject("case:00001-CASES")).toBe("/admin/cases/00001-CASES?status=all");
    expect(hrefOfSubject("member:a:b.c")).toBe("/admin/people?user=a%3Ab.c");
    for (const subject of ["console", "policy:2026.1", "case:../people", "member:", ""]) {
      expect(hrefOfSubject(subject)).toBeNull();
    }
  });

  test("what is unknown is the queue, and a number that is none opens no case", () => {
    expect(readRoute("/admin/nowhere", "")).toEqual({ page: "queue", filters: NO_FILTERS, caseNumber: null });
    expect(readRoute("/admin/cases/..%2f..", "")).toMatchObject({ page: "queue", caseNumber: null });
    expect(readRoute("/admin/dashboard", "?days=100000")).toEqual({ page: "dashboard", days: 7 });
  });
});
