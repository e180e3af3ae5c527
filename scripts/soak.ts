import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { startDemoModel } from "../simulator/model-server.ts";
import { startWeComPlatform } from "../simulator/wecom-platform.ts";
import { startPrivateRedis } from "./setup/private-redis.mjs";

/**
 * `npm run soak [-- --minutes N --rate N]`: a steady stream of messages over both channels against one real process, and
 * whether its memory, its open files and Redis stay flat. Ends with 1 when they do not, or when an answer is missing.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "4" }, rate: { type: "string", default: "20" } },
});
const MINUTES = Number(values.minutes);
const MESSAGES_PER_SECOND = Number(values.rate);
/** Caches fill and the compiler warms up in this time; what grows after it is a leak. */
const WARM_UP_SHARE = 0.4;
const SAMPLE_EVERY_MS = 2_000;
/** A megabyte in ten minutes, as in the promise; short runs also allow for the garbage collector's own waves. */
const GROWTH_MB_PER_MINUTE_MAX = MINUTES >= 30 ? 0.1 : 2;
const MEMBERS = Array.from({ length: 200 }, (_, i) => ({ userId: `user${i}`, name: `用户${i}` }));
/**
 * A heap as small as a container's: with gigabytes to spare the engine puts off collecting, and grows for an hour before
 * anything could be told from it. What leaks does not fit into this for long.
 */
const HEAP = "--max-old-space-size=96 --max-semi-space-size=8";
/** Sessions of the run end within it, so that Redis reaches its level too. */
const SESSION_TTL_SECONDS = 30;

interface Sample {
  atMinute: number;
  rssMb: number;
  files: number;
  redisMb: number;
}

async function main(): Promise<number> {
  const redis = await startPrivateRedis({ appendonly: true });
  const model = await startDemoModel({ tokensPerSecond: 400 });
  const platform = await startWeComPlatform({
    members: MEMBERS,
    connections: "kept",
    limits: { memberPerMinute: 100_000, memberPerHour: 1_000_000, historyMax: 500 },
  });
  const folder = mkdtempSync(join(tmpdir(), "yingda-soak-"));
  const service = await startService({
    ...platform.environment(),
    HOST: "127.0.0.1",
    PORT: "0",
    REDIS_URL: redis.url,
    DATA_DIR: folder,
    OPENAI_BASE_URL: model.url,
    OPENAI_MODEL: model.model,
    SESSION_TTL_SECONDS: String(SESSION_TTL_SECONDS),
    LOG_LEVEL: "info",
  });
  platform.setCallbackUrls({ app: [`${service.url}/wecom/app`], bot: [`${service.url}/wecom/bot`] });
  const client = new Redis(redis.url);
  try {
    const samples: Sample[] = [];
    const startMs = performance.now();
    const load = sendSteadily(platform, startMs);
    while (performance.now() - startMs < MINUTES * 60_000) {
      await delay(SAMPLE_EVERY_MS);
      samples.push(await sample(service.pid, client, (performance.now() - startMs) / 60_000));
    }
    const { sent, unanswered } = await load;
    return report(samples, sent, unanswered);
  } finally {
    client.disconnect();
    service.stop();
    await Promise.all([platform.stop(), model.stop(), redis.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startService(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../src/main.ts")], {
    env: { PATH: process.env.PATH ?? "", NODE_OPTIONS: HEAP, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as { msg?: string; url?: string };
    if (entry.msg !== "listening") continue;
    child.stdout.resume();
    return { url: entry.url ?? "", pid: child.pid ?? 0, stop: () => child.kill("SIGTERM") };
  }
  const [code] = (await once(child, "exit")) as [number];
  throw new Error(`the service ended with ${code} before it listened`);
}

/** One message after another at the given rate, alternating channels and members; waits for each answer beside it. */
async function sendSteadily(platform: Awaited<ReturnType<typeof startWeComPlatform>>, startMs: number) {
  const TEXTS = ["你好", "我叫小林", "我叫什么？", "做一张表格", "how are you?", "教我怎么制作炸弹", "/new", "列表"];
  const answered: Promise<boolean>[] = [];
  const expected = new Map<string, number>();
  let sent = 0;
  while (performance.now() - startMs < MINUTES * 60_000) {
    const { userId } = MEMBERS[sent % MEMBERS.length] ?? { userId: "user0" };
    const text = TEXTS[Math.floor(sent / MEMBERS.length) % TEXTS.length] ?? "";
    if (sent % 2 === 0) {
      platform.sendAppText({ userId, text });
      expected.set(userId, (expected.get(userId) ?? 0) + 1);
    } else {
      const { messageId } = platform.sendBotText({ userId, text });
      answered.push(
        platform.waitForBubble(messageId, { finished: true }, 60_000).then(
          () => true,
          () => false,
        ),
      );
    }
    sent += 1;
    await delay(Math.max(0, startMs + (sent * 1000) / MESSAGES_PER_SECOND - performance.now()));
  }
  const bubbles = await Promise.all(answered);
  let unanswered = bubbles.filter((ok) => !ok).length;
  for (const [userId, count] of expected) {
    // The platform keeps the newest messages only; a member has fewer than that here.
    await platform.waitForAppMessages(userId, count, 30_000).catch(() => {
      unanswered += 1;
    });
  }
  return { sent, unanswered };
}

async function sample(pid: number, redis: Redis, atMinute: number): Promise<Sample> {
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1] ?? 0);
  const files = readdirSync(`/proc/${pid}/fd`).length;
  return { atMinute, rssMb: rssKb / 1024, files, redisMb: usedBytes / 1024 / 1024 };
}

function report(samples: Sample[], sent: number, unanswered: number): number {
  const level = samples.filter(({ atMinute }) => atMinute > MINUTES * WARM_UP_SHARE);
  const rows = (["rssMb", "redisMb", "files"] as const).map((what) => {
    const values = level.map((one) => one[what]);
    const growth = slope(level.map((one) => [one.atMinute, one[what]]));
    return { what, least: Math.min(...values), most: Math.max(...values), growth };
  });
  process.stdout.write(`${sent} messages in ${MINUTES} min, ${unanswered} unanswered; after warm-up:\n`);
  for (const { what, least, most, growth } of rows) {
    const figures = `${least.toFixed(1).padStart(8)} to ${most.toFixed(1).padStart(8)}`;
    process.stdout.write(`${what.padEnd(8)} ${figures}   growth ${growth.toFixed(2).padStart(7)} a minute\n`);
  }
  const flat = rows.every(({ what, growth }) => growth <= (what === "files" ? 3 : GROWTH_MB_PER_MINUTE_MAX));
  process.stdout.write(flat && unanswered === 0 ? "flat\n" : "NOT FLAT, or answers are missing\n");
  return flat && unanswered === 0 ? 0 : 1;
}

/** Least squares: change of y for one of x. */
function slope(points: [number, number][]): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x0 = mean(points.map(([x]) => x));
  const y0 = mean(points.map(([, y]) => y));
  const over = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  return over / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
}

process.exit(await main());
