import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { ROLES, type Role } from "../../src/handlers/admin/api-schema.ts";
import type { Route } from "../../src/handlers/admin/route.ts";
import { ADMIN_ROUTES } from "../../src/handlers/admin/routes.ts";
import { type Browser, type Desk, flaggedTurn, openDesk, roleUser, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

let desk: Desk;
const browsers = new Map<string, Browser>();

beforeAll(async () => {
  desk = await openDesk();
  await desk.raise(flaggedTurn("AAAAA-00001"));
  for (const role of ROLES) browsers.set(role, await desk.as(roleUser(role)));
  browsers.set("nobody", desk.anonymous());
});
afterAll(async () => {
  await desk.stop();
  await stopRedis();
});

/** An address of the route, with parameters of the right shape that name nothing. */
function pathOf({ path }: Route): string {
  const values: Record<string, string> = {
    caseNumber: "ZZZZZ-99999",
    userId: "nobody-at-all",
    restrictionId: "00000000-0000-4000-8000-000000000000",
    holdId: "00000000-0000-4000-8000-000000000000",
    id: path.includes("sessions") ? "0".repeat(64) : "987654",
  };
  return `/admin/api${path.replace(/:(\w+)/g, (_, name: string) => values[name] ?? "missing")}`;
}

const WITH_ROLE = ADMIN_ROUTES.filter((route) => route.role !== "nobody" && route.path !== "/events");
const TABLE = WITH_ROLE.flatMap((route) =>
  ["nobody", ...ROLES].map((caller) => ({ caller, route, name: `${route.method} ${route.path}` })),
);

describe("who may call what, each role on each route of the table", () => {
  // The caller ends its session there; it is tried with a session of its own.
  const rows = TABLE.filter(({ route }) => route.path !== "/logout");

  test.each(rows)("$name as $caller", async ({ caller, route }) => {
    const browser = browsers.get(caller);
    // A body that no schema takes: what is allowed gets as far as being refused for it, and changes nothing.
    const answer = await browser?.send(route.method, pathOf(route), route.method === "GET" ? {} : { raw: "[]" });
    if (caller === "nobody") {
      expect(answer?.status).toBe(401);
      expect(answer?.json).toEqual({ error: { code: "not_signed_in", message: expect.any(String) } });
    } else if (ROLES.indexOf(caller as Role) < ROLES.indexOf(route.role as Role)) {
      expect(answer?.status).toBe(403);
      expect(answer?.json.error.code).toBe("not_allowed");
    } else {
      expect([200, 204, 400, 404]).toContain(answer?.status);
      expect(answer?.json?.error?.code ?? "fine").not.toBe("not_allowed");
    }
    expect(answer?.headers["cache-control"]).toBe("no-store");
    expect(answer?.headers["content-security-policy"]).toContain("default-src 'none'");
  });

  test.each(WITH_ROLE.filter(({ method }) => method !== "GET"))(
    "$method $path without the session's token in the header, from another origin or another site, is refused",
    async (route) => {
      const admin = browsers.get("admin");
      const path = pathOf(route);
      const attempts: Record<string, string | undefined>[] = [
        { "x-csrf-token": undefined },
        { "x-csrf-token": browsers.get("viewer")?.csrf },
        { origin: undefined },
        { origin: "null" },
        { origin: "https://evil.example" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
      ];
      for (const headers of attempts) {
        const answer = await admin?.send(route.method, path, { raw: "{}", headers });
        expect(answer?.json).toEqual({ error: { code: "bad_csrf", message: expect.any(String) } });
        expect(answer?.status).toBe(403);
      }
    },
  );

  test("what is in no table is not there, whatever the role", async () => {
    const admin = browsers.get("admin");
    for (const path of ["/admin/api", "/admin/api/", "/admin/api/nothing", "/admin/api/cases/", "/admin/api/Cases"]) {
      expect((await admin?.get(path))?.status).toBe(404);
    }
    expect((await admin?.send("DELETE", "/admin/api/cases"))?.json.error.code).toBe("method_not_allowed");
    expect((await admin?.send("HEAD", "/admin/api/audit/export"))?.status).toBe(405);
  });

  test("routes open to nobody in particular are the four of signing in", () => {
    expect(ADMIN_ROUTES.filter(({ role }) => role === "nobody").map(({ path }) => path)).toEqual([
      "/login/options",
      "/login/bootstrap",
      "/login/wecom",
      "/login/callback",
    ]);
  });

  test("no GET route but exports and the stream writes anything", () => {
    const reading = ADMIN_ROUTES.filter(({ method, body }) => method === "GET" && body !== null);
    expect(reading).toEqual([]);
  });

  test("denied access is in the audit log, once a minute for each person and route", async () => {
    const ruby = await desk.as("ruby");
    for (let times = 0; times < 3; times += 1) expect((await ruby.get("/admin/api/settings")).status).toBe(403);
    const rows = await desk.records.audit.recent(200);
    const own = rows.filter((row) => row.by === "ruby" && row.details.what === "GET /settings");
    expect(own).toHaveLength(1);
    expect(own[0]).toMatchObject({ action: "access.denied", subject: "console" });
  });

  test("a role that the configuration takes away is gone with the next request, the session with it", async () => {
    const gone = await desk.as("removed");
    expect((await gone.get("/admin/api/session")).status).toBe(401);
    expect(await desk.sessions.list()).not.toContainEqual(expect.objectContaining({ userId: "removed" }));
  });

  test("userids are compared without regard to case", async () => {
    const answer = await (await desk.as("ADAM")).get("/admin/api/session");
    expect(answer.json.user).toEqual({ userId: "ADAM", name: "name of ADAM", role: "admin" });
  });

  test("a member of WeCom who is called admin is not the bootstrap's admin", async () => {
    expect((await (await desk.as("admin")).get("/admin/api/session")).status).toBe(401);
  });
});

describe("requests that are not as they should be", () => {
  test.each([
    ["no JSON", "{", undefined, 400, "malformed_body"],
    ["another type", "{}", "text/plain", 400, "malformed_body"],
    ["a form", "reason=x", "application/x-www-form-urlencoded", 400, "malformed_body"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), undefined, 400, "malformed_body"],
    ["a list", "[]", undefined, 400, "bad_request"],
    ["a wrong type inside", '{"text":{"$ne":1}}', undefined, 400, "bad_request"],
    ["a prototype", '{"__proto__":{"text":"x"}}', undefined, 400, "bad_request"],
    ["an empty text", '{"text":"   "}', undefined, 400, "bad_request"],
    ["too long a text", JSON.stringify({ text: "长".repeat(2001) }), undefined, 400, "bad_request"],
    ["over 64 KiB", JSON.stringify({ text: "x".repeat(65 * 1024) }), undefined, 413, "body_too_large"],
    ["deep nesting", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, undefined, 400, "bad_request"],
  ])("a body with %s is refused in words that repeat nothing of it", async (_, raw, type, status, code) => {
    const ruby = await desk.as("ruby");
    const headers = type === undefined ? {} : { "content-type": type };
    const answer = await ruby.send("POST", "/admin/api/cases/AAAAA-00001/notes", { raw, headers });
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ error: { code, message: expect.any(String) } });
    expect(answer.json.error.message).not.toContain("长长");
    expect(answer.text).not.toContain(" at ");
  });

  test.each([
    "/admin/api/cases?limit=0",
    "/admin/api/cases?limit=1&limit=2",
    "/admin/api/cases?status=nothing",
    "/admin/api/cases?cursor=AAAA",
    "/admin/api/cases?overdue=perhaps",
    "/admin/api/cases/AAAAA-0000",
    "/admin/api/cases/..%2f..%2fetc",
    "/admin/api/cases/%00",
    "/admin/api/cases/%ff",
    "/admin/api/people?cursor=AA",
    "/admin/api/policy/versions/1e999",
    "/admin/api/dashboard?days=1000",
  ])("GET %s is a bad request or nothing, never a fault of ours", async (path) => {
    const answer = await (await desk.as("adam")).get(path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.json.error.code).toMatch(/^(?:bad_request|not_found)$/);
  });
});
