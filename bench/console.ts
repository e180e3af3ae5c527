import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startPrivateRedis } from "../scripts/setup/private-redis.mjs";
import { startWeComPlatform } from "../simulator/wecom-platform.ts";
import { Secret } from "../src/base/secret.ts";
import { startPrivatePostgres } from "../test/support/private-postgres.ts";
import { measureAcks } from "./console-acks.ts";
import { measureCalls, measureFirstSight } from "./console-calls.ts";
import { type ConsoleClient, signIn } from "./console-client.ts";
import { measurePage, preparePage } from "./console-page.ts";
import { MEMBERS, memberId } from "./console-records.ts";
import { compareWithStore, type Place, seed } from "./console-seed.ts";

/**
 * What reviewers wait for, with years of cases behind them: the real service over HTTP, on PostgreSQL and on SQLite, one
 * reviewer at a time, and the page in Chromium. The service runs as `web`, so that neither turns nor sweeps are in the
 * figures. On SQLite also whether the console slows acknowledgements. Sizes: BENCH_FLAGS and BENCH_TURNS in the
 * environment, rounded up to whole copies; SQLite gets at most a tenth of the defaults. At the defaults it takes some five
 * minutes on two cores, one of them for filling PostgreSQL.
 */
export const name = "console";

const FLAGS = 100_000;
const TURNS = 1_000_000;
const SQLITE_FLAGS_MAX = 10_000;
const SQLITE_TURNS_MAX = 100_000;
/** A call to WeCom from a server in the same country. */
const NAME_MS = 80;
const START_TIMEOUT_MS = 30_000;

export async function run(): Promise<void> {
  const flags = sizeFrom("BENCH_FLAGS", FLAGS);
  const turns = sizeFrom("BENCH_TURNS", TURNS);
  const withPage = await preparePage();
  const over = [
    ...(await onPostgres({ flags, turns, withPage })),
    ...(await onSqlite({
      flags: Math.min(flags, SQLITE_FLAGS_MAX),
      turns: Math.min(turns, SQLITE_TURNS_MAX),
      withPage,
    })),
  ];
  say(over.length === 0 ? "Everything is below its figure." : `Over their figures: ${over.join("; ")}`);
}

interface Size {
  flags: number;
  turns: number;
  withPage: boolean;
}

async function onPostgres(size: Size): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPrivatePostgres();
  if (postgres === null) {
    say("PostgreSQL is not measured: there is no server on this machine.");
    return [];
  }
  stack.defer(() => postgres.stop());
  const dataDir = await newFolder(stack);
  const emptyUrl = new URL(postgres.url);
  emptyUrl.pathname = "/empty";
  await asOwner(postgres.url, ["create database empty"]);
  const place = { databaseUrl: new Secret(postgres.url), dataDir };
  await fill("PostgreSQL", place, { databaseUrl: new Secret(emptyUrl.href), dataDir }, size);
  // What autovacuum has done by then on a server that is not a minute old.
  await asOwner(postgres.url, ["vacuum analyze"]);
  return await measured("PostgreSQL", { DATABASE_URL: postgres.url, DATA_DIR: dataDir }, size, stack);
}

async function onSqlite(size: Size): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await newFolder(stack);
  const emptyDir = await newFolder(stack);
  await fill("SQLite", { databaseUrl: null, dataDir }, { databaseUrl: null, dataDir: emptyDir }, size);
  return await measured("SQLite", { DATA_DIR: dataDir }, size, stack);
}

async function fill(label: string, place: Place, empty: Place, size: Size): Promise<void> {
  const { flags, cases, turns, copies, tookMs, originalsMs } = await seed(place, size);
  // A copy is only there where more flags are wanted than the store writes itself.
  const compared = copies === 0 ? 0 : await compareWithStore(place, empty);
  say(
    `${label}: ${flags} flags in ${cases} cases, ${turns} turns, filled in ${seconds(tookMs)} ` +
      `(${seconds(originalsMs)} by the store itself); ${compared} copies are what the store makes of their records`,
  );
}

async function measured(
  label: string,
  database: Record<string, string>,
  { withPage }: Size,
  stack: AsyncDisposableStack,
): Promise<string[]> {
  const redis = await startPrivateRedis();
  stack.defer(() => redis.stop());
  const members = Array.from({ length: MEMBERS }, (_, index) => ({ userId: memberId(index), name: `成员 ${index}` }));
  const platform = await startWeComPlatform({ members });
  stack.defer(() => platform.stop());
  const token = randomBytes(16).toString("hex");
  const service = await startService(
    {
      ...platform.environment(),
      ...database,
      HOST: "127.0.0.1",
      PORT: "0",
      ROLE: "web",
      REDIS_URL: redis.url,
      LOG_LEVEL: "error",
      OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
      OPENAI_MODEL: "none",
      ADMIN_USERS: "bench-admin:admin",
      ADMIN_BOOTSTRAP_TOKEN: token,
    },
    stack,
  );
  const client = await signIn(service.url, token);
  const nameIsThere = platform.fault({
    call: "user/get",
    effect: { kind: "delay", delayMs: NAME_MS },
    times: "until_cleared",
  });
  const over = await measureFirstSight(client, NAME_MS);
  nameIsThere();
  if (withPage) over.push(...(await measurePage(client)));
  // Before the clock is moved: a callback is refused when its time is far from the service's.
  if (database.DATABASE_URL === undefined) {
    const { app, corpId } = platform;
    await measureAcks(client, {
      receiveId: corpId,
      agentId: String(app.agentId),
      token: app.token,
      aesKey: app.aesKey,
    });
  }
  over.push(...(await measureCalls(client, (ms) => service.passMs(ms))));
  return over.map((one) => `${label}: ${one}`);
}

interface Service {
  url: ConsoleClient["url"];
  passMs(ms: number): Promise<void>;
}

async function startService(env: Record<string, string>, stack: AsyncDisposableStack): Promise<Service> {
  const child = fork(new URL("./console-server.ts", import.meta.url), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  stack.defer(() => ended(child));
  const url = await nextMessage(child);
  return {
    url,
    async passMs(ms) {
      child.send(ms);
      await nextMessage(child);
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<string> {
  // Whichever comes first takes the other's listeners with it.
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  const gone = once(child, "exit", { signal }).then(() => {
    throw new Error("The service ended; its reason stands above.");
  });
  gone.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, "message", { signal }), gone])) as [string];
    return message;
  } finally {
    over.abort();
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  await exit;
  clearTimeout(hard);
}

async function newFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "yingda-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function asOwner(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function sizeFrom(variable: string, otherwise: number): number {
  const given = process.env[variable];
  if (given === undefined || given === "") return otherwise;
  const size = Number(given);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new Error(`${variable} must be a whole number above 0, such as ${otherwise}.`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
