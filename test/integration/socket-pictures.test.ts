import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/logger.ts";
import type { SocketJob } from "../../src/handlers/bot-socket/jobs.ts";
import { SocketSender } from "../../src/handlers/bot-socket/socket-sender.ts";
import { SendBudget } from "../../src/session/send-budget.ts";
import { Snapshots } from "../../src/session/snapshots.ts";
import { SocketOutbox } from "../../src/session/socket-outbox.ts";
import { SocketSeat } from "../../src/session/socket-seat.ts";
import { socketFailure } from "../../src/wecom/socket-errors.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";

const BOT = "bot1";
const signal = new AbortController().signal;
let server: PrivateRedis;
let redis: Redis;
let reader: Redis;
let leaving: AbortController;
let running: Promise<void>;
let outbox: SocketOutbox<SocketJob>;

beforeAll(async () => {
  server = await startPrivateRedis({});
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  reader = new Redis(server.url);
  leaving = new AbortController();
});
afterEach(async () => {
  leaving.abort();
  await running;
  reader.disconnect();
});

const JOB: SocketJob = {
  kind: "picture",
  streamId: "s1",
  reqId: "r1",
  chat: { kind: "group", id: "G1" },
  picture: { mimeType: "image/png", base64: Buffer.from("picture").toString("base64"), md5: "0".repeat(32) },
  expiresAtMs: Number.MAX_SAFE_INTEGER,
};

/** The process in the seat, over a connection on which replies meet `errcode`. */
async function sender(errcode: number | null): Promise<{ command: string; body: Record<string, unknown> }[]> {
  const sent: { command: string; body: Record<string, unknown> }[] = [];
  const seat = new SocketSeat(redis, BOT);
  await seat.sit();
  outbox = new SocketOutbox<SocketJob>(redis, BOT, systemClock);
  const one = new SocketSender({
    socket: {
      isReady: true,
      isFree: () => true,
      async send(command, _reqId, body) {
        if (command === "aibot_respond_msg" && errcode !== null) throw socketFailure(command, errcode);
        sent.push({ command, body });
        return { upload_id: "u1", media_id: "m1" };
      },
    },
    outbox,
    reader,
    snapshots: new Snapshots(redis),
    budget: new SendBudget(redis, BOT),
    clock: systemClock,
    log: createLogger("silent", { write: () => undefined }),
  });
  running = one.run(seat.token, leaving.signal);
  return sent;
}

describe("a picture over the long connection", () => {
  test("answers its callback, and the same job again sends nothing more", async () => {
    const sent = await sender(null);
    expect(await outbox.send("s1:picture1", JOB, signal)).toEqual({ ok: true });
    expect(await outbox.send("s1:picture1", JOB, signal)).toEqual({ ok: true });
    expect(sent.slice(3)).toEqual([
      { command: "aibot_respond_msg", body: { msgtype: "image", image: { media_id: "m1" } } },
    ]);
  });

  test("is pushed where the callback takes no reply any more", async () => {
    const sent = await sender(846_605);
    expect(await outbox.send("s1:picture1", JOB, signal)).toEqual({ ok: true });
    const body = { chatid: "G1", chat_type: 2, msgtype: "image", image: { media_id: "m1" } };
    expect(sent.slice(3)).toEqual([{ command: "aibot_send_msg", body }]);
  });

  test("is refused where WeCom refuses it for another reason", async () => {
    await sender(40_008);
    expect(await outbox.send("s1:picture1", JOB, signal)).toMatchObject({ ok: false, code: "wecom_refused" });
  });
});
