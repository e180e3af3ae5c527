import { type ChildProcess, fork } from "node:child_process";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { startPrivateRedis } from "../scripts/setup/private-redis.mjs";

/**
 * How fast a callback is acknowledged: verified, decrypted, parsed and kept in Redis by the real service, against a bare
 * `node:http` server that only verifies and decrypts. Both are processes of their own and take turns within one run, so
 * that a noisy machine is noisy for both.
 */
export const name = "ack";

const PARALLEL = 32;
const ROUNDS = 7;
const REQUESTS_PER_ROUND = 3_000;
const WARM_UP_REQUESTS = 1_500;

const TOKEN = "benchtoken";
const AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const CORP_ID = "ww1234567890abcdef";
const AGENT_ID = "1000002";

interface Round {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuMsPerMessage: number;
}

export async function run(): Promise<void> {
  const redis = await startPrivateRedis();
  const servers = await Promise.all([
    startServer("floor", { TOKEN, AES_KEY }),
    startServer("service", {
      HOST: "127.0.0.1",
      PORT: "0",
      ROLE: "web",
      REDIS_URL: redis.url,
      DATA_DIR: redis.folder,
      LOG_LEVEL: "info",
      WECOM_CORP_ID: CORP_ID,
      WECOM_APP_AGENT_ID: AGENT_ID,
      WECOM_APP_SECRET: "bench",
      WECOM_APP_TOKEN: TOKEN,
      WECOM_APP_AES_KEY: AES_KEY,
      OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
      OPENAI_MODEL: "none",
    }),
  ]);
  try {
    const rounds: Record<"floor" | "service", Round[]> = { floor: [], service: [] };
    for (const server of servers) await load(server, WARM_UP_REQUESTS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const server of servers) rounds[server.kind].push(await load(server, REQUESTS_PER_ROUND));
    }
    report(rounds.floor, rounds.service);
  } finally {
    for (const server of servers) server.child.kill("SIGTERM");
    await redis.stop();
  }
}

interface BenchServer {
  kind: "floor" | "service";
  child: ChildProcess;
  url: URL;
}

async function startServer(kind: BenchServer["kind"], env: Record<string, string>): Promise<BenchServer> {
  const child = fork(new URL("./ack-server.ts", import.meta.url), [kind], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [url] = (await once(child, "message")) as [string];
  return { kind, child, url: new URL(url) };
}

async function load(server: BenchServer, count: number): Promise<Round> {
  const bodies = Array.from({ length: count }, (_, i) => signedCallback(`${Date.now()}${i}`.padEnd(19, "7")));
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const tookMs: number[] = [];
  const cpuBefore = await cpuMs(server.child);
  const startMs = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (next < bodies.length) {
        const callback = bodies[next];
        next += 1;
        if (callback === undefined) return;
        const fromMs = performance.now();
        await post(server.url, agent, callback);
        tookMs.push(performance.now() - fromMs);
      }
    }),
  );
  const allMs = performance.now() - startMs;
  const cpu = (await cpuMs(server.child)) - cpuBefore;
  agent.destroy();
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: (count / allMs) * 1000,
    p50Ms: tookMs[Math.floor(count * 0.5)] ?? 0,
    p99Ms: tookMs[Math.floor(count * 0.99)] ?? 0,
    cpuMsPerMessage: cpu / count,
  };
}

async function cpuMs(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [used] = (await once(child, "message")) as [number];
  return used;
}

async function post(base: URL, agent: Agent, callback: { path: string; body: string }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const outgoing = request(
    {
      host: base.hostname,
      port: base.port,
      path: callback.path,
      method: "POST",
      agent,
      headers: { "content-type": "text/xml", "content-length": Buffer.byteLength(callback.body) },
    },
    (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the ${base.host} answered ${response.statusCode}`));
      });
    },
  );
  outgoing.on("error", reject);
  outgoing.end(callback.body);
  await promise;
}

/** A distinct, rightly signed and encrypted text message of the self-built app. */
function signedCallback(msgId: string): { path: string; body: string } {
  const text = `请帮我把这段会议纪要整理成三条要点，再列出待办和负责人。编号 ${msgId}`;
  // Over 400 conversations, so that no mailbox of the keeping side fills up and answers "busy".
  const inner = `<xml><ToUserName><![CDATA[${CORP_ID}]]></ToUserName><FromUserName><![CDATA[user${Number(msgId.slice(-12)) % 4000}-${msgId.slice(-9)}]]></FromUserName><CreateTime>1790000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${text}]]></Content><MsgId>${msgId}</MsgId><AgentID>${AGENT_ID}</AgentID></xml>`;
  const key = Buffer.from(`${AES_KEY}=`, "base64");
  const message = Buffer.from(inner);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([randomBytes(16), length, message, Buffer.from(CORP_ID)]);
  const pad = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const encrypted = Buffer.concat([cipher.update(Buffer.concat([plain, Buffer.alloc(pad, pad)])), cipher.final()]);
  const encrypt = encrypted.toString("base64");
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(5).toString("hex");
  const signature = createHash("sha1").update([TOKEN, timestamp, nonce, encrypt].sort().join("")).digest("hex");
  return {
    path: `/wecom/app?msg_signature=${signature}&timestamp=${timestamp}&nonce=${nonce}`,
    body: `<xml><ToUserName><![CDATA[${CORP_ID}]]></ToUserName><AgentID>${AGENT_ID}</AgentID><Encrypt><![CDATA[${encrypt}]]></Encrypt></xml>`,
  };
}

function report(floor: Round[], service: Round[]): void {
  const row = (label: string, rounds: Round[]): string =>
    [
      label.padEnd(44),
      `${median(rounds.map((r) => r.perSecond))
        .toFixed(0)
        .padStart(7)}/s`,
      `p50 ${median(rounds.map((r) => r.p50Ms))
        .toFixed(1)
        .padStart(6)} ms`,
      `p99 ${median(rounds.map((r) => r.p99Ms))
        .toFixed(1)
        .padStart(6)} ms`,
      `CPU ${median(rounds.map((r) => r.cpuMsPerMessage)).toFixed(3)} ms a message`,
    ].join("  ");
  const ratios = service.map((round, i) => round.perSecond / (floor[i]?.perSecond ?? 1));
  process.stdout.write(
    [
      `${PARALLEL} parallel, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND} each, taking turns; medians`,
      row("floor: node:http, verify, decrypt, 200", floor),
      row("Yingda: verify, decrypt, parse, keep, 200", service),
      `ratio of acknowledgements to the floor: ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
      "",
    ].join("\n"),
  );
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
