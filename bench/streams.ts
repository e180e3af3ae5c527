import { setTimeout as delay } from "node:timers/promises";
import { startPrivateRedis } from "../scripts/setup/private-redis.mjs";
import { startWeComPlatform, type WeComPlatform } from "../simulator/wecom-platform.ts";
import { Peer, type Times, TOKEN_UNITS, TOKENS_PER_SECOND } from "./streams-wire.ts";

/**
 * How much later than the model wrote it a token is there for a poll, with 300 answers streaming at once, and what a stream
 * costs; beside it, in the same run, a plain client that reads the same streams in a process of the same kind. WeCom polls
 * every stream about once a second meanwhile, as it does, and that work is part of the service's figures.
 */
export const name = "streams";

const STREAMS = 300;
const SECONDS = 20;
const WARM_UP = { streams: 30, tokens: 90 };
/** The gate never shows the last so many characters before the answer's end (decisions/0007). */
const HELD_BACK_UNITS = 24;
const OPEN_MAX_MS = 60_000;

export async function run(): Promise<void> {
  const { plain, service } = await measure({ streams: STREAMS, tokens: SECONDS * TOKENS_PER_SECOND, warmUp: true });
  report(plain, service);
}

/** What one reader of the streams saw, and what it used. */
export interface Measured {
  streams: number;
  /** One for each token that arrived: from the model's writing of it to its being readable. */
  delaysMs: number[];
  /** The same from the writing of the token that takes this one out of the least hold-back. */
  afterHoldBackMs: number[];
  cpuMsPerStreamSecond: number;
  mibPerStream: number;
}

/** The plain client first, then the service, with `streams` answers of `tokens` tokens each. `warmUp`: a few answers before. */
export async function measure(size: {
  streams: number;
  tokens: number;
  warmUp: boolean;
}): Promise<{ plain: Measured; service: Measured }> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.adopt(await startPrivateRedis(), async (server) => server.stop());
  const members = Array.from({ length: size.streams }, (_, i) => ({ userId: `user${i}`, name: `用户${i}` }));
  const platform = stack.adopt(await startWeComPlatform({ members, connections: "kept" }), async (one) => one.stop());
  const start = async (kind: string, env: Record<string, string> = {}): Promise<Peer> =>
    stack.adopt(await Peer.start(kind, env), async (peer) => peer.stop());
  const model = await start("model");
  const watcher = await start("watcher");
  const plain = await start("plain");
  const service = await start("service", {
    ...platform.environment(),
    HOST: "127.0.0.1",
    PORT: "0",
    REDIS_URL: redis.url,
    DATA_DIR: redis.folder,
    LOG_LEVEL: "info",
    OPENAI_BASE_URL: model.hello,
    OPENAI_MODEL: "bench",
  });
  platform.setCallbackUrls({ bot: [`${service.hello}/wecom/bot`] });

  const readers: Record<"plain" | "service", Reader> = {
    plain: {
      process: plain,
      async open(names) {
        const times = plain.ask<Times>({ task: "read", url: model.hello, names });
        await untilOpen(model, names.length);
        return { times };
      },
    },
    service: {
      process: service,
      async open(names, tokens) {
        const sent = names.map((each, i) => {
          const { messageId } = platform.sendBotText({ userId: `user${i}`, text: `请讲流${each}号` });
          return { each, messageId };
        });
        await untilOpen(model, names.length);
        const streams = sent.map(({ each, messageId }): [string, string] => [each, streamOf(platform, messageId)]);
        return { times: watcher.ask<Times>({ task: "watch", redisUrl: redis.url, streams, tokens }) };
      },
    },
  };
  const round = async (reader: Reader, prefix: string, streams: number, tokens: number): Promise<Measured> =>
    readAll(
      model,
      reader,
      Array.from({ length: streams }, (_, i) => `${prefix}${i}`),
      tokens,
    );
  if (size.warmUp) {
    await round(readers.plain, "a", WARM_UP.streams, WARM_UP.tokens);
    await round(readers.service, "b", WARM_UP.streams, WARM_UP.tokens);
  }
  return {
    plain: await round(readers.plain, "c", size.streams, size.tokens),
    service: await round(readers.service, "d", size.streams, size.tokens),
  };
}

interface Reader {
  process: Peer;
  /** Opens the streams; `times` resolves once all of them were read to their ends. */
  open(names: string[], tokens: number): Promise<{ times: Promise<Times> }>;
}

async function readAll(model: Peer, reader: Reader, names: string[], tokens: number): Promise<Measured> {
  const idle = await reader.process.usage();
  const { times } = await reader.open(names, tokens);
  const before = await reader.process.usage();
  const speaking = model.ask<Times>({ task: "speak", tokens });
  // Its peak is near the end, when every answer is long and none has ended.
  await delay((tokens / TOKENS_PER_SECOND) * 1000 * 0.95);
  const full = await reader.process.usage();
  const written = await speaking;
  const read = await times;
  const after = await reader.process.usage();
  const ahead = Math.ceil(HELD_BACK_UNITS / TOKEN_UNITS);
  const delaysMs: number[] = [];
  const afterHoldBackMs: number[] = [];
  for (const [each, readAtMs] of read) {
    const writtenAtMs = written.get(each) ?? new Float64Array();
    for (const [i, atMs] of readAtMs.entries()) {
      delaysMs.push(atMs - (writtenAtMs[i] ?? Number.NaN));
      afterHoldBackMs.push(atMs - (writtenAtMs[Math.min(i + ahead, writtenAtMs.length - 1)] ?? Number.NaN));
    }
  }
  return {
    streams: names.length,
    delaysMs,
    afterHoldBackMs,
    cpuMsPerStreamSecond: (after.cpuMs - before.cpuMs) / ((names.length * tokens) / TOKENS_PER_SECOND),
    mibPerStream: (full.rssMiB - idle.rssMiB) / names.length,
  };
}

async function untilOpen(model: Peer, count: number): Promise<void> {
  const endMs = performance.now() + OPEN_MAX_MS;
  while ((await model.ask<number>({ task: "waiting" })) < count) {
    if (performance.now() > endMs) throw new Error(`fewer than ${count} requests reached the model`);
    await delay(50);
  }
}

function streamOf(platform: WeComPlatform, messageId: string): string {
  const streamId = platform.bubble(messageId)?.streamId;
  if (streamId === undefined) throw new Error("a message has no stream");
  return streamId;
}

function report(plain: Measured, service: Measured): void {
  const row = (label: string, delaysMs: number[]): string => {
    const sorted = delaysMs.toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1).padStart(6);
    return `${label.padEnd(58)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  (${sorted.length} tokens)`;
  };
  const cost = (label: string, { cpuMsPerStreamSecond, mibPerStream }: Measured): string =>
    `${label.padEnd(58)} CPU ${cpuMsPerStreamSecond.toFixed(2).padStart(5)} ms a second  memory ${mibPerStream.toFixed(2)} MiB`;
  const ratio = service.cpuMsPerStreamSecond / plain.cpuMsPerStreamSecond;
  process.stdout.write(
    [
      `${STREAMS} answers at once, ${TOKENS_PER_SECOND} tokens a second each, for ${SECONDS} s; built-in policy, no guard`,
      row("floor: a plain client has read a token", plain.delaysMs),
      row(`Yingda: it stands in the snapshot, ${HELD_BACK_UNITS} characters held back`, service.delaysMs),
      row("Yingda: counted from when the hold-back lets it out", service.afterHoldBackMs),
      "a stream:",
      cost("floor: a plain client", plain),
      cost("Yingda: checked, written, polled", service),
      `ratio of the CPU time to the floor: ${ratio.toFixed(1)}`,
      "",
    ].join("\n"),
  );
}
