import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { codeOf } from "../../src/base/errors.ts";
import { PolicyWatch } from "../../src/moderation/policy/policy-watch.ts";
import { until } from "../support/until.ts";
import { samplePolicyText } from "./moderation-samples.ts";

/** Looks as often as it can. */
const eager: Clock = {
  nowMs: () => Date.now(),
  sleep: (_ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(signal.reason);
      setTimeout(resolve, 1);
    }),
};

let folder: string;
let path: string;
let versions: string[];
let faults: unknown[];
let watch: PolicyWatch;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "yingda-policy-"));
  path = join(folder, "policy.yaml");
  writeFileSync(path, samplePolicyText({ version: "one" }));
  versions = [];
  faults = [];
  watch = new PolicyWatch({
    path,
    clock: eager,
    onPolicy: ({ version }) => versions.push(version.split("+")[0] ?? ""),
    onFault: (error) => faults.push(error),
  });
  await watch.start();
});
afterEach(async () => {
  await watch.stop();
  rmSync(folder, { recursive: true });
});

describe("a policy file that changes while the service runs", () => {
  test("is taken into use, also when it is replaced by another file, as a mounted one is", async () => {
    writeFileSync(path, samplePolicyText({ version: "two" }));
    await until(() => versions.includes("two"));
    writeFileSync(join(folder, "next"), samplePolicyText({ version: "three" }));
    renameSync(join(folder, "next"), path);
    await until(() => versions.includes("three"));
    expect(faults).toEqual([]);
  });

  test("is not taken with a fault, which is told with its reason; the mended one is", async () => {
    writeFileSync(path, samplePolicyText({ version: "broken", lexicon: [{ id: "a", terms: 3 }] }));
    await until(() => faults.length > 0);
    expect(codeOf(faults[0])).toBe("bad_config");
    expect(String(faults[0])).toMatch(/line \d+: lexicon\.0/u);
    expect(versions).toEqual([]);
    writeFileSync(path, samplePolicyText({ version: "mended" }));
    await until(() => versions.includes("mended"));
  });

  test("that is away for a moment changes nothing until it is back", async () => {
    rmSync(path);
    await until(() => faults.length > 0);
    expect(versions).toEqual([]);
    writeFileSync(path, samplePolicyText({ version: "back" }));
    await until(() => versions.includes("back"));
  });

  test("that is left alone is not read again", async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect({ versions, faults }).toEqual({ versions: [], faults: [] });
  });
});
