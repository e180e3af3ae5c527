import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";

jest.setTimeout(30_000); // shells and processes, on a machine that may be busy

const CI_RUN = join(import.meta.dirname, "../../.ci/run");

let clone: string;
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "yingda-ci-"));
  mkdirSync(join(clone, "bin"));
  cpSync(CI_RUN, join(clone, ".ci/run"));
  program("npm", testsThat('{"numPassedTests":12,"numFailedTests":0,"numPendingTests":0}', 0));
  // Nothing is really installed, whatever this machine has or lacks.
  for (const name of ["chromium", "dpkg", "apt-get"]) program(name, `echo "${name} $@" >> "${clone}/calls"`);
});
afterEach(() => {
  rmSync(clone, { recursive: true, force: true });
});

function program(name: string, body: string): void {
  const file = join(clone, "bin", name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

/** An npm whose test run ends so; `npm run check` succeeds unless told otherwise. */
function testsThat(results: string, exitCode: number, checkExitCode = 0): string {
  return `echo "npm $@" >> "${clone}/calls"
    case $1 in
      test) for argument; do case $argument in --outputFile=*) echo '${results}' > "\${argument#*=}";; esac; done; exit ${exitCode};;
      run) exit ${checkExitCode};;
    esac`;
}

function run(): { status: number | null; lines: string[]; calls: string } {
  const PATH = `${join(clone, "bin")}:${dirname(process.execPath)}:${process.env.PATH}`;
  const { status, stdout } = spawnSync("bash", [join(clone, ".ci/run")], { encoding: "utf8", env: { PATH } });
  const calls = join(clone, "calls");
  return { status, lines: stdout.trim().split("\n"), calls: existsSync(calls) ? readFileSync(calls, "utf8") : "" };
}

test("runs the README's test command, then the checks, and closes with jest's numbers", () => {
  const { status, lines, calls } = run();
  expect(calls).toMatch(/npm test -- --json --outputFile=\S+\nnpm run check\n$/);
  expect(lines.at(-1)).toBe("12 passed, 0 failed");
  expect(status).toBe(0);
});

test("skipped tests are in the closing line", () => {
  program("npm", testsThat('{"numPassedTests":12,"numFailedTests":0,"numPendingTests":2,"numTodoTests":1}', 0));
  expect(run().lines.at(-1)).toBe("12 passed, 0 failed, 3 skipped");
});

test("a failed test fails the run, and the checks still run", () => {
  program("npm", testsThat('{"numPassedTests":11,"numFailedTests":1,"numPendingTests":0}', 1));
  const { status, lines, calls } = run();
  expect(lines.at(-1)).toBe("11 passed, 1 failed");
  expect(calls).toContain("npm run check");
  expect(status).toBe(1);
});

test("a test file that could not be run counts as a failure", () => {
  program("npm", testsThat('{"numPassedTests":12,"numFailedTests":0,"numRuntimeErrorTestSuites":1}', 1));
  expect(run()).toMatchObject({ status: 1, lines: expect.arrayContaining(["12 passed, 1 failed"]) });
});

test("a failed check fails the run though all tests passed", () => {
  program("npm", testsThat('{"numPassedTests":12,"numFailedTests":0,"numPendingTests":0}', 0, 1));
  expect(run()).toMatchObject({ status: 1, lines: expect.arrayContaining(["12 passed, 0 failed"]) });
});

test.each([
  ["leaves no numbers", "not json", 1],
  ["ran no test but ended well", '{"numPassedTests":0,"numFailedTests":0}', 0],
])("a test run that %s fails the run", (_what, results, exitCode) => {
  program("npm", testsThat(results, exitCode));
  const { status, lines } = run();
  expect(lines.at(-1)).toBe("0 passed, 1 failed");
  expect(status).toBe(1);
});

test("a package that cannot be installed is told, and the run goes on", () => {
  program("dpkg", "exit 1"); // the font is missing
  program("apt-get", 'echo "E: Unable to locate package"; exit 100');
  const { status, lines } = run();
  expect(lines).toContainEqual(expect.stringMatching(/fonts-noto-cjk; the tests that need it are skipped$/));
  expect(status).toBe(0);
});
