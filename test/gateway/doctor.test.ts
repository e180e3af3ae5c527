import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startWorld, type World } from "../support/world.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  await world.stop();
});

async function consult(env: Record<string, string>): Promise<{ code: number; said: string }> {
  const script = new URL("../../scripts/doctor.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script], { env: { PATH: process.env.PATH ?? "", ...env } });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

describe("doctor", () => {
  test("a configuration that works gets one line per finding and exit code 0, and nothing is sent to anybody", async () => {
    const { code, said } = await consult(world.env);
    expect(said).toMatch(/ok {4}Redis: version/);
    expect(said).toMatch(/ok {4}model at 127\.0\.0\.1/);
    expect(said).toMatch(/ok {4}WeCom's API takes the app's secret/);
    expect(said).toMatch(/ok {4}database: SQLite/);
    expect(said).not.toContain("FAIL");
    expect(code).toBe(0);
    expect(world.platform.callCount("message/send")).toBe(0);
  }, 60_000);

  test("each thing that is wrong is named with its cure, and the exit code is 1", async () => {
    world.platform.fault({ call: "user/get", effect: { kind: "errcode", errcode: 60020 } });
    const { code, said } = await consult({
      ...world.env,
      OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
      REDIS_URL: "redis://127.0.0.1:9/0",
    });
    expect(said).toMatch(/FAIL {2}Redis.*\n.*REDIS_URL/);
    expect(said).toMatch(/FAIL {2}model at.*\n.*OPENAI_BASE_URL/);
    expect(said).toMatch(/FAIL {2}WeCom's API.*\n.*60020/);
    expect(code).toBe(1);
    expect(said).not.toContain(world.platform.app.secret);
  }, 60_000);

  test("an incomplete configuration is told with all its faults", async () => {
    const { code, said } = await consult({ PORT: "x" });
    expect(said).toMatch(/PORT must be a whole number/);
    expect(code).toBe(1);
  }, 60_000);
});
