import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../src/base/secret.ts";
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from "../../src/session/admin-sessions.ts";
import { WeComApi } from "../../src/wecom/api-client.ts";
import { type ApiServer, recordedEvents, startApiServer, steppedClock } from "../support/wecom-api-server.ts";
import { type Answer, BOOTSTRAP_TOKEN, type Browser, type Desk, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

const PUBLIC_URL = "https://console.example.com";

let api: ApiServer;
let desk: Desk;
/** Codes that WeCom gave out, and for whom. Each is good once. */
const codes = new Map<string, Record<string, unknown>>();

beforeAll(async () => {
  api = await startApiServer();
  api.answer = ({ path, query }) => {
    if (path === "/cgi-bin/gettoken") return { errcode: 0, access_token: "token", expires_in: 7200 };
    const who = codes.get(query.get("code") ?? "");
    codes.delete(query.get("code") ?? "");
    return who === undefined ? { errcode: 40029, errmsg: "invalid code" } : { errcode: 0, ...who };
  };
});
afterEach(async () => {
  await desk.stop();
  codes.clear();
});
afterAll(async () => {
  await api.stop();
  await stopRedis();
});

function wecomDesk(changes: Parameters<typeof openDesk>[0] = {}): Promise<Desk> {
  const client = new WeComApi({
    baseUrl: api.url,
    corpId: "ww123",
    agentId: "1000002",
    secret: new Secret("secret"),
    tokenStore: {
      read: async () => null,
      write: async () => {},
      drop: async () => {},
      lock: async () => async () => {},
    },
    events: recordedEvents().events,
    clock: steppedClock(),
  });
  const identify = (code: string, signal: AbortSignal) => client.getLoginUserId(code, signal);
  const wecomLogin = { corpId: "ww123", agentId: "1000002", identify };
  return openDesk({ changes: { publicUrl: PUBLIC_URL, wecomLogin, ...changes.changes } });
}

/** Follows the browser to WeCom; returns where it was sent. */
async function begin(browser: Browser, next?: string, agent?: string): Promise<URL> {
  const query = next === undefined ? "" : `?next=${encodeURIComponent(next)}`;
  const headers = { "user-agent": agent };
  const answer = await browser.send("GET", `/admin/api/login/wecom${query}`, { headers });
  expect(answer.status).toBe(302);
  return new URL(answer.headers.location ?? "");
}

function comeBack(browser: Browser, state: string | null, code: string | null): Promise<Answer> {
  const query = new URLSearchParams({ ...(code === null ? {} : { code }), ...(state === null ? {} : { state }) });
  const headers = { "sec-fetch-site": "cross-site", accept: "text/html" };
  return browser.send("GET", `/admin/api/login/callback?${query}`, { headers });
}

const setCookies = (answer: Answer): string[] => answer.headers["set-cookie"] ?? [];
const auditActions = async () => (await desk.records.audit.recent(50)).map(({ action }) => action);

describe("signing in over WeCom", () => {
  test("leads over the QR page back to the page that was asked for, and is in the audit log", async () => {
    desk = await wecomDesk();
    const browser = desk.anonymous();
    const to = await begin(browser, "/admin/cases/AAAAA-00001?tab=notes");
    expect(to.origin + to.pathname).toBe("https://login.work.weixin.qq.com/wwlogin/sso/login");
    expect(Object.fromEntries(to.searchParams)).toEqual({
      login_type: "CorpApp",
      appid: "ww123",
      agentid: "1000002",
      redirect_uri: `${PUBLIC_URL}/admin/api/login/callback`,
      state: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    codes.set("code-1", { userid: "Ruby" });
    const back = await comeBack(browser, to.searchParams.get("state"), "code-1");
    expect(back.status).toBe(302);
    expect(back.headers.location).toBe("/admin/cases/AAAAA-00001?tab=notes");
    const session = await browser.get("/admin/api/session");
    expect(session.json.user).toMatchObject({ userId: "Ruby", role: "reviewer" });
    expect(await auditActions()).toEqual(["login"]);
  });

  test("inside WeCom goes the silent way, with the parameters in the documented order", async () => {
    desk = await wecomDesk();
    const to = await begin(desk.anonymous(), undefined, "Mozilla/5.0 wxwork/4.1.22 MicroMessenger/7.0.1");
    expect(to.origin + to.pathname).toBe("https://open.weixin.qq.com/connect/oauth2/authorize");
    expect([...to.searchParams.keys()]).toEqual([
      "appid",
      "redirect_uri",
      "response_type",
      "scope",
      "state",
      "agentid",
    ]);
    expect(to.searchParams.get("scope")).toBe("snsapi_base");
    expect(to.hash).toBe("#wechat_redirect");
  });

  test("a state is good once, in the browser that began it, for ten minutes", async () => {
    desk = await wecomDesk();
    const [own, other] = [desk.anonymous(), desk.anonymous()];
    const state = (await begin(own)).searchParams.get("state");
    await begin(other);
    codes.set("code-1", { userid: "ruby" });
    // Somebody else's login, planted in this browser.
    expect((await comeBack(other, state, "code-1")).status).toBe(403);
    expect((await other.get("/admin/api/session")).status).toBe(401);
    // And it is used up by that, for its owner too.
    expect((await comeBack(own, state, "code-1")).status).toBe(403);

    const again = (await begin(own)).searchParams.get("state");
    expect((await comeBack(own, again, "code-1")).status).toBe(302);
    const cookies = new Map(own.cookies);
    codes.set("code-2", { userid: "ruby" });
    expect((await comeBack(own, again, "code-2")).status).toBe(403);
    expect(own.cookies).toEqual(cookies);
    for (const made of ["0".repeat(64), "", "../x", null]) {
      expect((await comeBack(desk.anonymous(), made, "code-2")).status).not.toBe(302);
    }
    expect(codes.has("code-2")).toBe(true);
  });

  test("a code that was used, and a login that was cancelled, end on a page that says so", async () => {
    desk = await wecomDesk();
    const browser = desk.anonymous();
    const used = await comeBack(browser, (await begin(browser)).searchParams.get("state"), "used-code");
    expect(used.status).toBe(403);
    expect(used.text).toContain("请从控制台重新登录");
    const cancelled = await comeBack(browser, (await begin(browser)).searchParams.get("state"), null);
    expect(cancelled.text).toContain("登录已取消");
    expect(setCookies(cancelled).join()).not.toContain("__Host-yingda=");
  });

  test("a member whom nobody named is told to ask an admin, with the userid as text, and written down", async () => {
    desk = await wecomDesk();
    const browser = desk.anonymous();
    codes.set("code-1", { userid: "<img src=x onerror=alert(1)>" });
    const answer = await comeBack(browser, (await begin(browser)).searchParams.get("state"), "code-1");
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("Please ask an admin");
    expect(answer.text).not.toContain("<img");
    expect(answer.headers["content-security-policy"]).toContain("script-src 'self'");
    expect(await auditActions()).toEqual(["login.refused"]);
    expect((await browser.get("/admin/api/session")).status).toBe(401);
  });

  test("somebody who is no member is sent away", async () => {
    desk = await wecomDesk();
    const browser = desk.anonymous();
    codes.set("code-1", { openid: "o123", external_userid: "wm1" });
    const answer = await comeBack(browser, (await begin(browser)).searchParams.get("state"), "code-1");
    expect(answer.text).toContain("Only members of this company");
  });

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "/admin/\\..\\..",
    "/admin/../../evil",
    "/admin/api/audit/export",
    "/admin/./api/audit",
    "/wecom/app",
    "javascript:alert(1)",
    "/admin/\r\nset-cookie: planted=1",
    "/admin/%0d%0aset-cookie:planted=1",
    `/admin/${"x".repeat(900)}`,
  ])("a login never leads elsewhere than to a page of the console: next=%j", async (next) => {
    desk = await wecomDesk();
    const browser = desk.anonymous();
    const state = (await begin(browser, next)).searchParams.get("state");
    codes.set("code-1", { userid: "ruby" });
    const { headers } = await comeBack(browser, state, "code-1");
    const target = new URL(headers.location ?? "", PUBLIC_URL);
    expect(target.origin).toBe(PUBLIC_URL);
    expect(target.pathname).toMatch(/^\/admin\//);
    expect(target.pathname).not.toMatch(/^\/admin\/api/);
    expect(setCookies({ headers } as Answer).join()).not.toContain("planted");
  });

  test("the sixth failure from one address within a minute waits, and good logins use none of them up", async () => {
    desk = await wecomDesk();
    for (let times = 0; times < 8; times += 1) {
      const browser = desk.anonymous();
      const state = (await begin(browser)).searchParams.get("state");
      codes.set(`good-${times}`, { userid: "ruby" });
      expect((await comeBack(browser, state, `good-${times}`)).status).toBe(302);
    }
    const bad = desk.anonymous();
    const statuses: number[] = [];
    for (let times = 0; times < 6; times += 1) statuses.push((await comeBack(bad, "0".repeat(64), "x")).status);
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429]);
  });

  test("without PUBLIC_URL there is no such way in", async () => {
    desk = await wecomDesk({ changes: { publicUrl: null } });
    expect((await desk.anonymous().get("/admin/api/login/options")).json).toEqual({ wecom: false, bootstrap: true });
    expect((await desk.anonymous().get("/admin/api/login/wecom")).status).toBe(400);
  });
});

describe("the bootstrap token", () => {
  const signIn = (browser: Browser, token: string) => browser.post("/admin/api/login/bootstrap", { token });

  test("signs the first configured admin in, once for all processes", async () => {
    desk = await openDesk();
    const browser = desk.anonymous();
    const answer = await signIn(browser, BOOTSTRAP_TOKEN);
    expect(answer.status).toBe(200);
    expect(answer.json.user).toEqual({ userId: "adam", name: "name of adam", role: "admin" });
    expect((await browser.get("/admin/api/settings")).status).toBe(200);
    expect((await browser.get("/admin/api/login/options")).json.bootstrap).toBe(false);
    const again = await signIn(desk.anonymous(), BOOTSTRAP_TOKEN);
    expect(again.status).toBe(403);
    expect(again.json.error.message).toContain("used before");
    expect(setCookies(again)).toEqual([]);
  });

  test("makes `admin` where nobody is configured, and that is over when somebody is", async () => {
    const users: { userId: string; role: "admin" }[] = [];
    desk = await openDesk({ changes: { users } });
    const browser = desk.anonymous();
    expect((await signIn(browser, BOOTSTRAP_TOKEN)).json.user).toMatchObject({ userId: "admin", role: "admin" });
    users.push({ userId: "adam", role: "admin" });
    expect((await browser.get("/admin/api/session")).status).toBe(401);
  });

  test("is not used up by a login that the database did not let through", async () => {
    desk = await openDesk();
    const audit = { ...desk.records.audit, append: () => Promise.reject(new Error("away")) };
    const parts = desk.records;
    await desk.stop();
    desk = await openDesk({ changes: { records: { ...parts, audit } as typeof parts } });
    expect((await signIn(desk.anonymous(), BOOTSTRAP_TOKEN)).status).toBe(500);
    expect((await desk.anonymous().get("/admin/api/login/options")).json.bootstrap).toBe(true);
    expect(await desk.sessions.list()).toEqual([]);
  });

  test("is not guessed: the sixth wrong one in a minute is not even looked at, the right one neither", async () => {
    desk = await openDesk();
    const statuses: number[] = [];
    for (let times = 0; times < 6; times += 1) {
      statuses.push((await signIn(desk.anonymous(), `${BOOTSTRAP_TOKEN}${times}`)).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429]);
    const late = await signIn(desk.anonymous(), BOOTSTRAP_TOKEN);
    expect(late.status).toBe(429);
    expect(late.headers["retry-after"]).toBe("60");
  });

  test("neither token nor cookie, state or csrf token gets into the log", async () => {
    desk = await openDesk();
    const browser = desk.anonymous();
    await signIn(browser, BOOTSTRAP_TOKEN);
    const log = desk.logLines.join();
    expect(log).toContain("signed in to the console");
    for (const secret of [BOOTSTRAP_TOKEN, ...browser.cookies.values()]) expect(log).not.toContain(secret);
  });

  test("from another page's origin it is refused", async () => {
    desk = await openDesk();
    const headers = { origin: "https://evil.example" };
    const body = { token: BOOTSTRAP_TOKEN };
    const answer = await desk.anonymous().send("POST", "/admin/api/login/bootstrap", { body, headers });
    expect(answer.json.error.code).toBe("bad_csrf");
  });
});

describe("sessions", () => {
  const bootstrap = (browser: Browser, headers = {}) =>
    browser.send("POST", "/admin/api/login/bootstrap", { body: { token: BOOTSTRAP_TOKEN }, headers });

  test("behind TLS the cookie is __Host-, Secure, HttpOnly, Lax", async () => {
    desk = await openDesk({ changes: { publicUrl: PUBLIC_URL } });
    const answer = await bootstrap(desk.anonymous());
    expect(setCookies(answer)).toEqual([
      expect.stringMatching(/^__Host-yingda=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/),
    ]);
    expect(answer.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
  });

  test("on this machine, without TLS, it has another name and is not Secure", async () => {
    desk = await openDesk();
    expect(setCookies(await bootstrap(desk.anonymous()))).toEqual([
      expect.stringMatching(/^yingda-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/),
    ]);
  });

  test("over a network in clear text nobody signs in, and the token is not used up", async () => {
    desk = await openDesk();
    const host = "console.internal:3000";
    const answer = await bootstrap(desk.anonymous(), { host, origin: `http://${host}` });
    expect(answer.status).toBe(403);
    expect(answer.json.error.message).toContain("PUBLIC_URL");
    expect((await bootstrap(desk.anonymous())).status).toBe(200);
  });

  test("a session that was there before the login is not the one after it, and counts no more", async () => {
    desk = await openDesk();
    const victim = desk.anonymous();
    victim.cookies.set("yingda-session", "planted-by-somebody-else-000000000000000000");
    await bootstrap(victim);
    expect(victim.cookies.get("yingda-session")).not.toContain("planted");

    const ruby = await desk.as("ruby");
    const before = ruby.cookies.get("yingda-session") ?? "";
    expect(await desk.sessions.peek(before)).not.toBeNull();
    const { token } = await desk.sessions.open("adam", "wecom");
    expect(token).not.toBe(before);
    const both = desk.anonymous();
    both.cookies.set("yingda-session", `${before}; yingda-session=${token}`);
    // Two of the same name: one of them was planted, so neither counts.
    expect((await both.get("/admin/api/session")).status).toBe(401);
  });

  test("logging in again ends the session before", async () => {
    desk = await openDesk();
    const browser = await desk.as("ruby");
    const before = browser.cookies.get("yingda-session") ?? "";
    await bootstrap(browser);
    expect(await desk.sessions.peek(before)).toBeNull();
    expect((await browser.get("/admin/api/session")).json.user.userId).toBe("adam");
  });

  test("ends by idling for half an hour, and by age after twelve, however busy", async () => {
    desk = await openDesk();
    const idle = await desk.as("ruby");
    desk.shiftMs(SESSION_IDLE_MS - 1_000);
    expect((await idle.get("/admin/api/session")).status).toBe(200);
    desk.shiftMs(SESSION_IDLE_MS + 1_000);
    expect((await idle.get("/admin/api/session")).status).toBe(401);

    const busy = await desk.as("ruby");
    const steps = Math.floor(SESSION_LIFE_MS / (SESSION_IDLE_MS / 2)) - 1;
    for (let step = 0; step < steps; step += 1) {
      desk.shiftMs(SESSION_IDLE_MS / 2);
      expect((await busy.get("/admin/api/session")).status).toBe(200);
    }
    desk.shiftMs(SESSION_IDLE_MS / 2 + 1_000);
    expect((await busy.get("/admin/api/session")).status).toBe(401);
  });

  test("logging out ends it in Redis and in the browser", async () => {
    desk = await openDesk();
    const ruby = await desk.as("ruby");
    const token = ruby.cookies.get("yingda-session") ?? "";
    const answer = await ruby.post("/admin/api/logout");
    expect(answer.status).toBe(204);
    expect(answer.headers["clear-site-data"]).toBe('"cache", "storage"');
    expect(ruby.cookies.size).toBe(0);
    expect(await desk.sessions.peek(token)).toBeNull();
    expect(await auditActions()).toEqual(["logout"]);
  });

  test("an admin sees who is signed in, without anything to come in with, and signs somebody out", async () => {
    desk = await openDesk();
    const [adam, ruby] = [await desk.as("adam"), await desk.as("ruby")];
    const { sessions } = (await adam.get("/admin/api/settings")).json;
    expect(sessions.map(({ userId, current }: { userId: string; current: boolean }) => [userId, current])).toEqual(
      expect.arrayContaining([
        ["adam", true],
        ["ruby", false],
      ]),
    );
    expect(JSON.stringify(sessions)).not.toContain(ruby.cookies.get("yingda-session"));
    const id = sessions.find(({ userId }: { userId: string }) => userId === "ruby")?.id;
    expect((await adam.post(`/admin/api/settings/sessions/${id}/revoke`)).status).toBe(204);
    expect((await ruby.get("/admin/api/session")).status).toBe(401);
    expect((await adam.post(`/admin/api/settings/sessions/${id}/revoke`)).status).toBe(404);
    expect(await auditActions()).toEqual(["session.revoke"]);
  });

  test("what stands in Redis is not what comes in", async () => {
    desk = await openDesk();
    const ruby = await desk.as("ruby");
    const [session] = await desk.sessions.list();
    const thief = desk.anonymous();
    thief.cookies.set("yingda-session", session?.id ?? "");
    expect((await thief.get("/admin/api/session")).status).toBe(401);
    expect((await ruby.get("/admin/api/session")).status).toBe(200);
  });
});
