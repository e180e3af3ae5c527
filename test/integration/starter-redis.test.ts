import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { FakeCheckout, lockFile } from "../support/fake-checkout.ts";

jest.setTimeout(60_000); // processes, on a machine that may be busy

let checkout: FakeCheckout;
beforeEach(() => {
  checkout = new FakeCheckout();
  checkout.write("node_modules/.package-lock.json", lockFile("1.0.0"));
  checkout.write(
    "scripts/demo.ts",
    "console.log(process.env.YINGDA_REDIS_SERVER, JSON.stringify(process.env.YINGDA_REDIS_LD_LIBRARY_PATH));",
  );
});
afterEach(async () => {
  await checkout.remove();
});
const version = (name: string, number: string) => `echo "${name} server v=${number} sha=0 malloc=libc bits=64"`;
const onPath = (name: string) => `${join(checkout.bin, name)} ""\n`;

test("redis-server on the PATH comes before valkey-server", async () => {
  checkout.program("valkey-server", version("Valkey", "8.0.1"));
  expect((await checkout.run(["demo"])).stdout).toBe(onPath("redis-server"));
});

test("valkey-server serves where redis-server is too old, without a word", async () => {
  checkout.program("redis-server", version("Redis", "6.0.16"));
  checkout.program("valkey-server", version("Valkey", "7.2.5"));
  expect(await checkout.run(["demo"])).toEqual({ code: 0, stdout: onPath("valkey-server"), stderr: "" });
});

test("the one named by YINGDA_REDIS_SERVER comes first", async () => {
  const named = checkout.program("my-redis", version("Redis", "6.2.0"));
  const { stdout } = await checkout.run(["demo"], { YINGDA_REDIS_SERVER: named });
  expect(stdout).toBe(onPath("my-redis"));
});

test("a named one that is too old is refused instead of silently replaced", async () => {
  const named = checkout.program("my-redis", version("Redis", "5.0.14"));
  const { code, stderr } = await checkout.run(["demo"], { YINGDA_REDIS_SERVER: named });
  expect(code).toBe(1);
  expect(stderr).toMatch(/YINGDA_REDIS_SERVER is not usable: .*version 5\.0, and 6\.2 or newer/);
});

test("nothing good and no apt-get ends with what was wrong and how to get one", async () => {
  checkout.program("redis-server", version("Redis", "5.0.14"));
  const { code, stdout, stderr } = await checkout.run(["test"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("version 5.0, and 6.2 or newer is needed");
  expect(stderr).toContain("apt-get install redis-server");
});

describe("from Debian's packages", () => {
  beforeEach(() => {
    checkout.withoutProgram("redis-server");
    // A package is a file with its name in it; unpacked it is a server that tells whether its libraries were named.
    checkout.program(
      "dpkg",
      `mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
       case $2 in */redis-server.deb)
         echo '#!/bin/sh
         [ -n "$LD_LIBRARY_PATH" ] && ${version("Redis", "7.0.15")}' > "$3/usr/bin/redis-server"
         chmod +x "$3/usr/bin/redis-server";;
       esac`,
    );
  });
  const unpacked = () => {
    const root = join(checkout.folder, ".yingda", "redis");
    return `${join(root, "usr/bin/redis-server")} "${join(root, "usr/lib/x86_64-linux-gnu")}"\n`;
  };
  const apt = (whenWithoutOwnLists: string) =>
    checkout.program(
      "apt-get",
      `echo "$@" >> "${checkout.folder}/apt.log"
       case "$*" in *Dir::State::Lists*) ;; *) ${whenWithoutOwnLists};; esac
       case "$*" in
         *--simulate*) echo "Inst liblzf1 (3.6)"; echo "Inst redis-server (7.0.15)"; echo "Conf redis-server (7.0.15)";;
         *download*) touch liblzf1.deb redis-server.deb;;
       esac`,
    );

  test("the missing packages are unpacked privately once, and used silently from then on", async () => {
    apt(":");
    const first = await checkout.run(["demo"]);
    expect(first).toMatchObject({ code: 0, stdout: unpacked() });
    expect(first.stderr).toMatch(/^yingda: fetching Redis.*\n$/);
    expect(checkout.read("apt.log")).toContain("download liblzf1 redis-server\n");
    expect(checkout.read("apt.log")).not.toContain("update");
    expect(await checkout.run(["demo"])).toEqual({ code: 0, stdout: unpacked(), stderr: "" });
  });

  test("where the system's package lists are empty or old, private ones are fetched", async () => {
    apt('case "$*" in *download*) echo "E: 404 Not Found" >&2; exit 100;; esac');
    expect(await checkout.run(["demo"])).toMatchObject({ code: 0, stdout: unpacked() });
    expect(checkout.read("apt.log")).toMatch(/Dir::State::Lists=\S+ .*update\n/);
  });

  test("where the mirror cannot be reached, apt's words are shown, and the next start tries again", async () => {
    checkout.program("apt-get", 'echo "E: Unable to reach the mirror" >&2; exit 100');
    const { code, stderr } = await checkout.run(["demo"]);
    expect(code).toBe(1);
    expect(stderr).toContain("Unable to reach the mirror");
    expect(stderr).toContain("apt-get install redis-server");
    apt(":");
    expect(await checkout.run(["demo"])).toMatchObject({ code: 0, stdout: unpacked() });
  });
});
