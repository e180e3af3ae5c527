import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { Client } from "pg";
import { startPrivateServer } from "../../scripts/setup/private-server.mjs";
import { isAlive, until } from "../support/fake-checkout.ts";
import { startPrivatePostgres } from "../support/private-postgres.ts";
import { startPrivateRedis } from "../support/private-redis.ts";

jest.setTimeout(60_000); // a database server may take a while to come up on a busy machine

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function clientOf(url: string): Redis {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => {}); // told by the commands that fail
  cleanUps.push(() => client.disconnect());
  return client;
}

describe("a private Redis", () => {
  test("answers on return, evicts nothing, saves nothing, and is gone with its folder after stop", async () => {
    const redis = await startPrivateRedis();
    cleanUps.push(redis.stop);
    const client = clientOf(redis.url);
    expect(await client.config("GET", "maxmemory-policy")).toContain("noeviction");
    expect(await client.config("GET", "save")).toEqual(["save", ""]);
    expect(await client.config("GET", "appendonly")).toContain("no");
    await redis.stop();
    expect(isAlive(redis.pid)).toBe(false);
    expect(existsSync(redis.folder)).toBe(false);
  });

  test("with appendonly keeps what was acknowledged over kill -9 and restart, at the same address", async () => {
    const redis = await startPrivateRedis({ appendonly: true });
    cleanUps.push(redis.stop);
    await clientOf(redis.url).set("kept", "yes");
    const before = redis.pid;
    await redis.kill("SIGKILL");
    expect(isAlive(before)).toBe(false);
    await redis.restart();
    expect(redis.pid).not.toBe(before);
    expect(await clientOf(redis.url).get("kept")).toBe("yes");
  });

  test("two at once are two, each with its own data", async () => {
    const [one, two] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
    cleanUps.push(one.stop, two.stop);
    await clientOf(one.url).set("key", "one");
    expect(await clientOf(two.url).get("key")).toBeNull();
  });

  test("stopped in its tracks by SIGSTOP it still ends on stop", async () => {
    const redis = await startPrivateRedis();
    await redis.kill("SIGSTOP");
    await redis.stop();
    expect(isAlive(redis.pid)).toBe(false);
  });
});

describe("a private server", () => {
  test("whose port is taken in the moment before it listens gets another", async () => {
    const strangers: Server[] = [];
    cleanUps.push(() => strangers.map((stranger) => stranger.close()));
    const ports: number[] = [];
    const server = await startPrivateServer({
      name: "taken",
      command(port) {
        ports.push(port);
        if (strangers.length === 0) strangers.push(createServer().listen(port, "127.0.0.1"));
        const listen = `setTimeout(() => require("net").createServer().listen(${port}, "127.0.0.1", () => console.log("ready")), 100)`;
        return { file: process.execPath, args: ["-e", listen] };
      },
      isReady: async () => ports.length === 2,
    });
    cleanUps.push(server.stop);
    expect(ports).toHaveLength(2);
    expect(server.port).toBe(ports[1]);
    expect(ports[0]).not.toBe(ports[1]);
  });

  test("that cannot start is told with the end of its log, at once", async () => {
    const start = startPrivateServer({
      name: "broken",
      command: () => ({ file: "sh", args: ["-c", "echo no room on the shelf; exit 3"] }),
      isReady: async () => false,
    });
    await expect(start).rejects.toThrow(/private broken did not start[\s\S]*no room on the shelf/);
  });
});

describe("a private PostgreSQL", () => {
  const installed = spawnSync("sh", ["-c", "ls /usr/lib/postgresql/*/bin/initdb"]).status === 0;
  const onPostgres = installed ? test : test.skip;

  onPostgres("takes connections on return, in UTF-8, keeps its data over a crash, and is gone after stop", async () => {
    const postgres = await startPrivatePostgres();
    if (postgres === null) throw new Error("it is installed");
    cleanUps.push(postgres.stop);
    const ask = async (sql: string) => {
      const client = new Client({ connectionString: postgres.url });
      client.on("error", () => {}); // told by the query that fails
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end().catch(() => {}); // the server may be gone
      }
    };
    await ask("create table kept as select '应答' as word");
    await postgres.kill("SIGKILL");
    await expect(ask("select 1")).rejects.toThrow();
    await postgres.restart();
    expect(await ask("select word, current_setting('server_encoding') as encoding from kept")).toEqual([
      { word: "应答", encoding: "UTF8" },
    ]);
    await postgres.stop();
    await expect(ask("select 1")).rejects.toThrow();
  });

  onPostgres("open connections do not keep it from stopping", async () => {
    const postgres = await startPrivatePostgres();
    if (postgres === null) throw new Error("it is installed");
    const client = new Client({ connectionString: postgres.url });
    let ended = false;
    client.on("error", () => {});
    client.on("end", () => {
      ended = true;
    });
    await client.connect();
    await postgres.stop();
    await until(() => ended);
  });
});
