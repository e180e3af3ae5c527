import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { startPrivateRedis } from "../scripts/setup/private-redis.mjs";
import { startWeComPlatform, type WeComPlatform } from "../simulator/wecom-platform.ts";
import { snapshotKey } from "../src/session/keys.ts";

/**
 * How long after the model sent a piece of text a poll can see it, with 300 answers streaming at once; beside it, in the
 * same run, how long a plain client needs to receive such a piece.
 */
export const name = "stream";

const STREAMS = 300;
const FLOOR_STREAMS = 20;
const PIECES = 16;
const PIECE_EVERY_MS = 500;
/** One sentence, longer than what the output gate holds back, so that each piece makes something visible. */
const PIECE =
  "这是一句话，长到足以让检查之后总有一部分可以放出来给人看，而剩下的那一小段先留着，等下一句到了再一起决定怎么办才好。\n";
/** How often the snapshots are looked at; half of it is part of every figure. */
const LOOK_EVERY_MS = 20;

export async function run(): Promise<void> {
  const redis = await startPrivateRedis();
  const model = await startPieces();
  const members = Array.from({ length: STREAMS }, (_, i) => ({ userId: `user${i}`, name: `用户${i}` }));
  const platform = await startWeComPlatform({ members, connections: "kept" });
  const service = await startService({
    ...platform.environment(),
    HOST: "127.0.0.1",
    PORT: "0",
    REDIS_URL: redis.url,
    DATA_DIR: redis.folder,
    LOG_LEVEL: "info",
    OPENAI_BASE_URL: model.url,
    OPENAI_MODEL: "bench",
  });
  platform.setCallbackUrls({ bot: [`${service.url}/wecom/bot`] });
  const client = new Redis(redis.url);
  try {
    const sent = members.map(({ userId }) => platform.sendBotText({ userId, text: `[${userId}]` }).messageId);
    const floor = Promise.all(Array.from({ length: FLOOR_STREAMS }, (_, i) => receivePlainly(model, `floor${i}`)));
    const seen = await watch(sent, platform, client, model);
    report(seen, (await floor).flat());
  } finally {
    client.disconnect();
    service.child.kill("SIGTERM");
    await Promise.all([platform.stop(), model.stop(), redis.stop()]);
  }
}

interface Pieces {
  url: string;
  /** When each piece of a stream was sent, by the name in its question. */
  sentAtMs: Map<string, number[]>;
  stop(): Promise<void>;
}

async function startPieces(): Promise<Pieces> {
  const sentAtMs = new Map<string, number[]>();
  const speak = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const name = /\[(\w+)\]/.exec(body)?.[1] ?? "";
    const times: number[] = [];
    sentAtMs.set(name, times);
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    // Streams that began together would all speak in the same instant.
    await delay(Math.random() * PIECE_EVERY_MS);
    for (let i = 0; i < PIECES; i += 1) {
      times.push(performance.now());
      event(outgoing, { choices: [{ index: 0, delta: { content: PIECE }, finish_reason: null }] });
      await delay(PIECE_EVERY_MS);
    }
    event(outgoing, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    outgoing.end("data: [DONE]\n\n");
  };
  const server = createServer((incoming, outgoing) => void speak(incoming, outgoing));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    sentAtMs,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function event(outgoing: ServerResponse, chunk: object): void {
  outgoing.write(`data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: "bench", ...chunk })}\n\n`);
}

async function startService(env: Record<string, string>): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(new URL("./ack-server.ts", import.meta.url), ["service"], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [url] = (await once(child, "message")) as [string];
  return { child, url };
}

/** What the same piece costs a client that does nothing with it. */
async function receivePlainly(model: Pieces, name: string): Promise<number[]> {
  const response = await fetch(`${model.url}/chat/completions`, { method: "POST", body: `[${name}]` });
  const delaysMs: number[] = [];
  let received = "";
  for await (const chunk of response.body ?? []) {
    received += Buffer.from(chunk).toString();
    const pieces = received.split('"content"').length - 1;
    const sentAt = model.sentAtMs.get(name)?.[pieces - 1];
    if (sentAt !== undefined && delaysMs.length < pieces) delaysMs.push(performance.now() - sentAt);
  }
  return delaysMs;
}

async function watch(sent: string[], platform: WeComPlatform, client: Redis, model: Pieces): Promise<number[]> {
  const delaysMs: number[] = [];
  const lengths = new Map<string, number>();
  const endMs = performance.now() + PIECES * PIECE_EVERY_MS + 15_000;
  const finished = new Set<string>();
  while (finished.size < sent.length && performance.now() < endMs) {
    const open = sent.flatMap((messageId, i) => {
      const streamId = platform.bubble(messageId)?.streamId;
      const key = streamId === undefined ? null : snapshotKey(streamId);
      return key === null || finished.has(messageId) ? [] : [{ messageId, key, name: `user${i}` }];
    });
    const stored = open.length === 0 ? [] : await client.mget(open.map(({ key }) => key));
    const nowMs = performance.now();
    for (const [i, { messageId, name }] of open.entries()) {
      const snapshot = JSON.parse(stored[i] ?? "{}") as { content?: string; finish?: boolean };
      if (snapshot.finish === true) finished.add(messageId);
      const length = snapshot.content?.length ?? 0;
      if (length <= (lengths.get(messageId) ?? 0) || snapshot.finish === true) continue;
      lengths.set(messageId, length);
      // The piece that made this much visible is the first that reaches so far.
      const sentAt = model.sentAtMs.get(name)?.[Math.ceil(length / PIECE.length) - 1];
      if (sentAt !== undefined) delaysMs.push(nowMs - sentAt);
    }
    await delay(LOOK_EVERY_MS);
  }
  return delaysMs;
}

function report(seen: number[], floor: number[]): void {
  const row = (label: string, values: number[]): string => {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0).padStart(5);
    return `${label.padEnd(44)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  (${sorted.length} pieces)`;
  };
  process.stdout.write(
    [
      `${STREAMS} answers at once, a sentence every ${PIECE_EVERY_MS} ms each`,
      row("floor: a plain client receives a piece", floor),
      row("Yingda: checked, and there for a poll", seen),
      "",
    ].join("\n"),
  );
}
