import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { systemClock } from "../../src/base/clock.ts";
import { type OutboxEntry, SocketOutbox } from "../../src/session/socket-outbox.ts";
import { SocketSeat } from "../../src/session/socket-seat.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";
import { until } from "../support/until.ts";

const BOT = "bot1";
let server: PrivateRedis;
let redis: Redis;
let reader: Redis;

beforeAll(async () => {
  server = await startPrivateRedis({});
  redis = new Redis(server.url);
  reader = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  reader.disconnect();
  await server.stop();
});
beforeEach(async () => void (await redis.flushall()));

describe("the seat at the bot's long connection", () => {
  test("is had by one of those who ask, and kept by asking again", async () => {
    const seats = Array.from({ length: 10 }, () => new SocketSeat(redis, BOT));
    const states = await Promise.all(seats.map((seat) => seat.sit()));
    expect(states.filter((state) => state === "held")).toHaveLength(1);
    const again = await Promise.all(seats.map((seat) => seat.sit()));
    expect(again).toEqual(states);
  });

  test("is another's when its holder gives it up, and when the holder is silent", async () => {
    const [first, second, third] = [new SocketSeat(redis, BOT), new SocketSeat(redis, BOT), new SocketSeat(redis, BOT)];
    await first.sit();
    await first.standUp();
    expect(await second.sit()).toBe("held");
    // Who does not hold it can give nothing up.
    await first.standUp();
    expect(await third.sit()).toBe("taken");
    await until(async () => (await third.sit()) === "held");
    expect(await second.sit()).toBe("taken");
  });

  test("another bot's seat is another seat", async () => {
    expect(await new SocketSeat(redis, BOT).sit()).toBe("held");
    expect(await new SocketSeat(redis, "bot2").sit()).toBe("held");
  });

  test("after a kick from outside is nobody's who was there, and anybody's who came later", async () => {
    const [holder, standby] = [new SocketSeat(redis, BOT), new SocketSeat(redis, BOT)];
    await holder.sit();
    await standby.sit();
    expect(await holder.wasKickedFromOutside()).toBe(true);
    expect(await holder.sit()).toBe("kicked");
    expect(await standby.sit()).toBe("kicked");
    await systemClock.sleep(2);
    const restarted = new SocketSeat(redis, BOT);
    expect(await restarted.sit()).toBe("held");
    expect(await standby.sit()).toBe("taken");
  });

  test("a kick by a process of ours, which has the seat, shuts nobody out", async () => {
    const [frozen, successor] = [new SocketSeat(redis, BOT), new SocketSeat(redis, BOT)];
    await frozen.sit();
    await frozen.standUp();
    await successor.sit();
    expect(await frozen.wasKickedFromOutside()).toBe(false);
    expect(await successor.sit()).toBe("held");
  });
});

describe("the outbox of the long connection", () => {
  interface Job {
    say: string;
  }
  let outbox: SocketOutbox<Job>;
  let holder: string;
  let stop: AbortController;

  beforeEach(async () => {
    outbox = new SocketOutbox<Job>(redis, BOT, systemClock);
    const seat = new SocketSeat(redis, BOT);
    await seat.sit();
    holder = seat.token;
    stop = new AbortController();
  });
  afterEach(() => stop.abort());

  const taken = async (after = "0-0"): Promise<OutboxEntry<Job>[]> => outbox.take(reader, after, 1);

  test("a job is taken in order, and its sender hears what became of it", async () => {
    const sent = [outbox.send("a", { say: "1" }, stop.signal), outbox.send("b", { say: "2" }, stop.signal)];
    await until(async () => (await taken()).length === 2);
    const [first, second] = await taken();
    expect([first?.job.say, second?.job.say]).toEqual(["1", "2"]);
    if (first === undefined || second === undefined) throw new Error("nothing was taken");
    await outbox.settle(holder, second, {
      ok: false,
      code: "wecom_refused",
      message: "no",
      retryable: false,
      sent: "no",
    });
    await outbox.settle(holder, first, { ok: true });
    expect(await Promise.all(sent)).toMatchObject([{ ok: true }, { ok: false, code: "wecom_refused" }]);
    expect(await taken()).toEqual([]);
  });

  test("the same id again is the same job: sent once, also by a sender that came back from a crash", async () => {
    const before = outbox.send("a", { say: "1" }, stop.signal);
    before.catch(() => undefined);
    await until(async () => (await taken()).length === 1);
    const other = new SocketOutbox<Job>(redis, BOT, systemClock);
    const again = other.send("a", { say: "1" }, stop.signal);
    await systemClock.sleep(20);
    const entries = await taken();
    expect(entries).toHaveLength(1);
    for (const entry of entries) await outbox.settle(holder, entry, { ok: true });
    expect(await again).toEqual({ ok: true });
    expect(await other.send("a", { say: "1" }, stop.signal)).toEqual({ ok: true });
    expect(await taken()).toEqual([]);
  });

  test("a failure is told once and tried again by the next call", async () => {
    const failing = outbox.send("a", { say: "1" }, stop.signal);
    await until(async () => (await taken()).length === 1);
    for (const entry of await taken())
      await outbox.settle(holder, entry, {
        ok: false,
        code: "wecom_unreachable",
        message: "",
        retryable: true,
        sent: "perhaps",
      });
    expect(await failing).toMatchObject({ ok: false });
    const again = outbox.send("a", { say: "1" }, stop.signal);
    await until(async () => (await taken()).length === 1);
    for (const entry of await taken()) await outbox.settle(holder, entry, { ok: true });
    expect(await again).toEqual({ ok: true });
  });

  test("who has not the seat settles nothing: the next holder sends it", async () => {
    outbox.send("a", { say: "1" }, stop.signal).catch(() => undefined);
    await until(async () => (await taken()).length === 1);
    const [entry] = await taken();
    if (entry === undefined) throw new Error("nothing was taken");
    expect(await outbox.settle("a token of before", entry, { ok: true })).toBe(false);
    expect(await taken()).toEqual([entry]);
  });

  test("hints are gone once they were read, and nobody waits for them", async () => {
    await outbox.hint({ say: "look" });
    expect(await taken()).toMatchObject([{ jobId: null, job: { say: "look" } }]);
    expect(await taken()).toEqual([]);
  });

  test("whoever gives up waiting is told why", async () => {
    const waiting = outbox.send("a", { say: "1" }, stop.signal);
    await systemClock.sleep(60);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});
