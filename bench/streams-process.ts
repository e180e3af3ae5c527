import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { readConfig } from "../src/config.ts";
import { createGateway } from "../src/gateway.ts";
import { snapshotKey } from "../src/session/keys.ts";
import { encodeSnapshot, FINISHED } from "../src/session/snapshots.ts";
import { type Asked, nowMs, type Times, TOKEN_BYTES, TOKENS, TOKENS_PER_SECOND, type Usage } from "./streams-wire.ts";

/**
 * One process of the `streams` benchmark: the `model` that writes tokens, the `service`, a `plain` client in its place, or
 * the `watcher` that looks at the snapshots. Each has a process of its own, so that none is measured by another's waits.
 */
const kind = process.argv[2];
const waiting = new Map<string, ServerResponse>();

const parts: Record<string, () => Promise<string>> = {
  model: startModel,
  // All of them are to stream at once, which a limit that begins low and learns would not allow.
  service: async () => (await createGateway(readConfig(process.env), { modelLimits: { runningStart: 1_000 } })).url,
};
process.on("disconnect", () => process.exit(0));
process.on("message", (asked: Asked) => {
  void answer(asked).then((result) => process.send?.({ id: asked.id, result }));
});
process.send?.({ id: 0, result: (await parts[kind ?? ""]?.()) ?? "" });

async function answer(asked: Asked): Promise<unknown> {
  switch (asked.task) {
    case "usage": {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20 } satisfies Usage;
    }
    case "waiting":
      return waiting.size;
    case "speak":
      return speak(asked.tokens);
    case "read":
      return new Map(await Promise.all(asked.names.map(async (name) => [name, await read(asked.url, name)] as const)));
    case "watch":
      return watch(asked.redisUrl, asked.streams, asked.tokens);
  }
}

/** Keeps every request open until `speak`, so that all of them stream at once. */
async function startModel(): Promise<string> {
  const take = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    // The last one: an earlier question of the same member may be in the history.
    const name = [...body.matchAll(/流([a-z]\d+)号/g)].at(-1)?.[1] ?? "";
    outgoing.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    waiting.set(name, outgoing);
  };
  const server = createServer((incoming, outgoing) => void take(incoming, outgoing));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

/** Writes so many tokens on each open request, each at its own pace. Resolves with when each was written. */
async function speak(tokens: number): Promise<Times> {
  const everyMs = 1000 / TOKENS_PER_SECOND;
  const events = TOKENS.map((content) => chunk({ content }, null));
  const startMs = nowMs();
  const open = [...waiting].map(([name, outgoing]) => ({
    name,
    outgoing,
    // Streams that began together would all speak in the same instant.
    beginMs: startMs + Math.random() * everyMs,
    atMs: [] as number[],
  }));
  waiting.clear();
  while (open.some(({ atMs }) => atMs.length < tokens)) {
    for (const { outgoing, beginMs, atMs } of open) {
      while (atMs.length < tokens && beginMs + atMs.length * everyMs <= nowMs()) {
        const event = events[atMs.length % events.length] ?? "";
        atMs.push(nowMs());
        outgoing.write(event);
      }
      if (atMs.length === tokens && !outgoing.writableEnded) outgoing.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
    }
    await delay(1);
  }
  return new Map(open.map(({ name, atMs }) => [name, Float64Array.from(atMs)]));
}

function chunk(delta: object, finishReason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: "bench", choices })}\n\n`;
}

/** What the same tokens cost a client that only reads them: when each of them was there. */
async function read(url: string, name: string): Promise<Float64Array> {
  const response = await fetch(`${url}/chat/completions`, { method: "POST", body: `流${name}号` });
  const decoder = new TextDecoder();
  const atMs: number[] = [];
  let rest = "";
  let text = "";
  for await (const bytes of response.body ?? []) {
    const events = `${rest}${decoder.decode(bytes as Uint8Array, { stream: true })}`.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (event === "data: [DONE]") continue;
      const { choices } = JSON.parse(event.slice("data: ".length)) as { choices: { delta: { content?: string } }[] };
      text += choices[0]?.delta.content ?? "";
      if (text.length * 3 > atMs.length * TOKEN_BYTES) atMs.push(nowMs());
    }
  }
  return Float64Array.from(atMs);
}

/** The snapshots are looked at this often; half of it is part of every figure. */
const LOOK_EVERY_MS = 20;
/** Nobody waits longer for the end of answers; what was not seen by then is missing from the count. */
const QUIET_MAX_MS = 30_000;
const EMPTY_BYTES = Buffer.byteLength(encodeSnapshot({ content: "", finish: false, expiresAtMs: Date.now() }));

/** When each token of each stream could first be read from Redis. The length tells which: all tokens have the same bytes. */
async function watch(redisUrl: string, streams: [string, string][], tokens: number): Promise<Times> {
  const client = new Redis(redisUrl);
  const open = new Map(
    streams.map(([name, streamId]) => [name, { key: snapshotKey(streamId) ?? "", atMs: [] as number[] }]),
  );
  const seen: Times = new Map();
  let lastNewsMs = nowMs();
  while (open.size > 0 && nowMs() - lastNewsMs < QUIET_MAX_MS) {
    const entries = [...open];
    const pipeline = client.pipeline();
    for (const [, { key }] of entries) pipeline.strlen(key).getrange(key, 0, FINISHED.length - 1);
    const results = (await pipeline.exec()) ?? [];
    const atMs = nowMs();
    for (const [i, [name, stream]] of entries.entries()) {
      const finished = results[i * 2 + 1]?.[1] === FINISHED;
      const shown = Math.floor((Number(results[i * 2]?.[1] ?? 0) - EMPTY_BYTES) / TOKEN_BYTES);
      const count = finished ? tokens : Math.min(shown, tokens);
      if (count > stream.atMs.length) lastNewsMs = atMs;
      while (stream.atMs.length < count) stream.atMs.push(atMs);
      if (!finished) continue;
      seen.set(name, Float64Array.from(stream.atMs));
      open.delete(name);
    }
    await delay(LOOK_EVERY_MS);
  }
  client.disconnect();
  return seen;
}
