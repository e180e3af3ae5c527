import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { type CallbackKeys, seal } from "../simulator/platform-crypto.ts";
import { quantile } from "./console-calls.ts";
import type { ConsoleClient } from "./console-client.ts";

/**
 * Whether people who work in the console slow down what WeCom waits for: acknowledgements of the app's callbacks, which
 * come evenly, with nobody in the console, with a busy team, and with a program that asks for the queue without a pause.
 * The three take turns, so that a noisy machine is noisy for all.
 */

export interface AppSecrets extends CallbackKeys {
  agentId: string;
}

const ROUNDS = 5;
/** Of one round; at the pace below some four seconds. */
const CALLBACKS = 800;
const PER_SECOND = 200;
/** Ten people who load their list every two seconds, or twenty who open a case every four. */
const TEAM_PAUSE_MS = 200;
const TIMEOUT_MS = 10_000;

interface Condition {
  label: string;
  /** Null: nobody asks. Between two questions. */
  pauseMs: number | null;
}

const CONDITIONS: readonly Condition[] = [
  { label: "nobody in the console", pauseMs: null },
  { label: "a team: 5 lists or counts a second", pauseMs: TEAM_PAUSE_MS },
  { label: "one program, without a pause", pauseMs: 0 },
];

interface Round {
  p50Ms: number;
  p99Ms: number;
  asked: number;
}

export async function measureAcks(client: ConsoleClient, secrets: AppSecrets): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const rounds = CONDITIONS.map((condition) => ({ condition, rounds: [] as Round[] }));
  try {
    await acknowledge(client.url, agent, secrets, CALLBACKS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { condition, rounds: own } of rounds) own.push(await measured(condition, client, agent, secrets));
    }
  } finally {
    agent.destroy();
  }
  const quiet = rounds[0]?.rounds ?? [];
  process.stdout.write(`  acknowledgements at ${PER_SECOND} a second, medians of ${ROUNDS} rounds, taking turns\n`);
  for (const { condition, rounds: own } of rounds) {
    const of = (pick: (round: Round) => number) => median(own.map(pick));
    const ratio = (pick: (round: Round) => number) => (of(pick) / median(quiet.map(pick))).toFixed(2);
    process.stdout.write(
      `  ${condition.label.padEnd(36)}  p50 ${of((r) => r.p50Ms).toFixed(1)} ms (${ratio((r) => r.p50Ms)}x)  ` +
        `p99 ${of((r) => r.p99Ms).toFixed(1)} ms (${ratio((r) => r.p99Ms)}x)  ${of((r) => r.asked)} console calls a round\n`,
    );
  }
}

async function measured(
  condition: Condition,
  client: ConsoleClient,
  agent: Agent,
  secrets: AppSecrets,
): Promise<Round> {
  const done = new AbortController();
  const asking = condition.pauseMs === null ? Promise.resolve(0) : ask(client, condition.pauseMs, done.signal);
  try {
    const tookMs = (await acknowledge(client.url, agent, secrets, CALLBACKS)).sort((a, b) => a - b);
    done.abort();
    return { p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), asked: await asking };
  } finally {
    done.abort();
    await asking.catch(() => 0);
  }
}

/** Asks for what an open page asks for until it is stopped; how often. */
async function ask(client: ConsoleClient, pauseMs: number, signal: AbortSignal): Promise<number> {
  const paths = ["/cases", "/cases/counts", "/cases?status=all&sort=newest"];
  let asked = 0;
  while (!signal.aborted) {
    await client.get(paths[asked % paths.length] ?? "/cases");
    asked += 1;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return asked;
}

/** Sends callbacks at an even pace, whatever the answers take; how long each took, in milliseconds. */
async function acknowledge(url: string, agent: Agent, secrets: AppSecrets, count: number): Promise<number[]> {
  const callbacks = Array.from({ length: count }, () => signedCallback(secrets));
  const startMs = performance.now();
  return Promise.all(
    callbacks.map(async (callback, index) => {
      const dueMs = startMs + (index * 1_000) / PER_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      const fromMs = performance.now();
      await post(url, agent, callback);
      return performance.now() - fromMs;
    }),
  );
}

function post(url: string, agent: Agent, { path, body }: { path: string; body: string }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "content-type": "text/xml", "content-length": Buffer.byteLength(body) };
  const outgoing = request(new URL(path, url), { method: "POST", agent, headers, timeout: TIMEOUT_MS }, (response) => {
    response.resume();
    response.on("end", () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`A callback was answered with ${response.statusCode}.`));
    });
  });
  outgoing.on("timeout", () => outgoing.destroy(new Error("A callback was not answered in time.")));
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

/** A text message of the self-built app from somebody who has not written before: nobody answers here, and mailboxes end. */
function signedCallback(secrets: AppSecrets): { path: string; body: string } {
  const { receiveId: corpId, agentId } = secrets;
  const nowMs = Date.now();
  const id = String(randomBytes(8).readBigUInt64BE() >> 1n);
  const fields = [
    `<ToUserName><![CDATA[${corpId}]]></ToUserName><FromUserName><![CDATA[ack-${id}]]></FromUserName>`,
    `<CreateTime>${Math.floor(nowMs / 1000)}</CreateTime><MsgType><![CDATA[text]]></MsgType>`,
    `<Content><![CDATA[请把这段会议纪要整理成三条要点]]></Content><MsgId>${id}</MsgId><AgentID>${agentId}</AgentID>`,
  ];
  const { query, ciphertext } = seal(secrets, `<xml>${fields.join("")}</xml>`, nowMs);
  const outer = `<ToUserName><![CDATA[${corpId}]]></ToUserName><AgentID>${agentId}</AgentID>`;
  return {
    path: `/wecom/app?${query}`,
    body: `<xml>${outer}<Encrypt><![CDATA[${ciphertext}]]></Encrypt></xml>`,
  };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
