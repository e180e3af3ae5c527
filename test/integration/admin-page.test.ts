import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type Desk, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

let folder: string;
let desk: Desk;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "yingda-page-"));
  const page = join(folder, "dist");
  await mkdir(join(page, "assets"), { recursive: true });
  await writeFile(join(folder, "secret.js"), "outside");
  await writeFile(join(page, "index.html"), "<!doctype html><title>console</title>");
  await writeFile(join(page, "favicon.svg"), "<svg/>");
  await writeFile(join(page, "assets/index-4f2a.js"), "export {};");
  await writeFile(join(page, "assets/notes.txt"), "not for browsers");
  await symlink(join(folder, "secret.js"), join(page, "assets/linked.js"));
  desk = await openDesk({ changes: { pageFolder: page } });
});
afterAll(async () => {
  await desk.stop();
  await stopRedis();
  await rm(folder, { recursive: true, force: true });
});

describe("the console's page", () => {
  test.each(["/admin/", "/admin/cases/AAAAA-00001", "/admin/people/ZhangSan", "/admin/policy"])(
    "%s is the page itself, not stored, under the strict policy",
    async (path) => {
      const { status, headers, text } = await desk.anonymous().get(path);
      expect(status).toBe(200);
      expect(text).toContain("<title>console</title>");
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-security-policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      });
      expect(headers["strict-transport-security"]).toBeUndefined();
    },
  );

  test("files whose names carry a digest are kept for good, others are asked for again", async () => {
    const script = await desk.anonymous().get("/admin/assets/index-4f2a.js");
    expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect((await desk.anonymous().get("/admin/favicon.svg")).headers["cache-control"]).toBe("no-cache");
  });

  test("without the last slash leads to the page", async () => {
    const { status, headers } = await desk.anonymous().get("/admin");
    expect([status, headers.location]).toEqual([302, "/admin/"]);
  });

  test.each([
    "/admin/../secret.js",
    "/admin/assets/../../secret.js",
    "/admin/assets/..%2f..%2fsecret.js",
    "/admin/%2e%2e/secret.js",
    "/admin/assets/linked.js",
    "/admin/assets/notes.txt",
    "/admin/assets/missing.js",
    "/admin/assets/.hidden.js",
    "/admin/assets\\..\\secret.js",
    "/admin/assets/index-4f2a.js%00.css",
    "/admin//etc/passwd.js",
  ])("%s gives nothing", async (path) => {
    const { status, text } = await desk.anonymous().get(path);
    expect([404, 200]).toContain(status);
    expect(text).not.toContain("outside");
    expect(text).not.toContain("not for browsers");
    // What a client resolves itself is another address, which is none of the console's.
    if (status === 200) expect(text).toBe("not the console");
  });

  test("is only read", async () => {
    expect((await desk.anonymous().post("/admin/")).status).toBe(404);
  });

  test("that nobody has built says how it is built", async () => {
    const bare = await openDesk({ changes: { pageFolder: join(folder, "never-built") } });
    const { status, text } = await bare.anonymous().get("/admin/");
    expect(status).toBe(503);
    expect(text).toContain("npm start");
    await bare.stop();
  });

  test.each(["/administrator", "/adminx", "/", "/healthz"])("%s is left to others", async (path) => {
    expect((await desk.anonymous().get(path)).text).toBe("not the console");
  });
});
