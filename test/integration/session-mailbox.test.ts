import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { conversationKeys, SHARDS, streamIdOf } from "../../src/session/keys.ts";
import { LEASE_TTL_MS, takeLease } from "../../src/session/lease.ts";
import { MAILBOX_MESSAGES_MAX, Mailbox } from "../../src/session/mailbox.ts";
import { connectRedis } from "../../src/session/redis.ts";
import { Snapshots } from "../../src/session/snapshots.ts";
import { TurnDesk } from "../../src/session/turn-desk.ts";
import { type WakeUpReader, WakeUps } from "../../src/session/wake-ups.ts";
import { appMessage, botMessage, silentEvents } from "../support/messages.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";

let server: PrivateRedis;
let redis: Redis;
let blocking: Redis;
let reader: WakeUpReader;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url, { enableAutoPipelining: true });
  blocking = new Redis(server.url);
  blocking.setMaxListeners(50); // one worker for each test, all on this connection
  reader = { connection: blocking, shards: Array.from({ length: SHARDS }, (_, shard) => shard) };
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  blocking.disconnect();
  await server.stop();
});

/** The workers' side as one worker called `consumer` sees it. */
async function worker(consumer: string): Promise<WakeUps> {
  const wakeUps = new WakeUps(redis, [reader], consumer);
  await wakeUps.ensureGroups();
  return wakeUps;
}

const FINISH = { session: { kind: "keep" as const }, sessionTtlMs: 60_000, record: { n: 1 } };

describe("mailbox", () => {
  test("a message kept, then taken by a worker, is the same in every field", async () => {
    const message = botMessage({ text: "问题", quote: { kind: "text", text: "引用" }, groupId: "wrChat" });
    expect(await new Mailbox(redis).keep(message, { stops: false })).toEqual({
      outcome: "kept",
      repeated: false,
      tellBusy: false,
    });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 10, 100);
    expect(wakeUp?.conversationId).toBe(message.conversationId);
    const lease = wakeUp === undefined ? null : await takeLease(redis, wakeUp, "a");
    if (lease === null) throw new Error("the lease was free");
    const opened = await new TurnDesk(lease).open();
    expect(opened).toEqual({ message, attempts: 1, noted: null });
  });

  test("the same id delivered twenty times at once is kept once, with one wake-up", async () => {
    const mailbox = new Mailbox(redis);
    const message = appMessage();
    const kept = await Promise.all(Array.from({ length: 20 }, () => mailbox.keep(message, { stops: false })));
    expect(kept.filter((one) => !one.repeated)).toHaveLength(1);
    const keys = conversationKeys(message.conversationId);
    expect(await redis.llen(keys.mail)).toBe(1);
    expect(await redis.xlen(keys.wake)).toBe(1);
  });

  test("a word like 算了 asks to stop when a message runs or waits, and is an ordinary message when none does", async () => {
    const mailbox = new Mailbox(redis);
    const keys = conversationKeys(appMessage().conversationId);
    const idle = appMessage({ text: "算了" });
    await mailbox.keep(idle, { stops: "ifBusy" });
    expect(await redis.get(keys.stop)).toBeNull();
    const busy = appMessage({ text: "算了" });
    await mailbox.keep(busy, { stops: "ifBusy" });
    await mailbox.keep(busy, { stops: "ifBusy" });
    expect(await redis.get(keys.stop)).toBe(busy.id);
    const kept = (await redis.lrange(keys.mail, 0, -1)).map((json) => JSON.parse(json));
    expect(kept).toEqual([idle, { ...busy, stops: true }]);
  });

  test("a full mailbox answers busy, and a repeat of that message gets busy again even when there is room", async () => {
    const mailbox = new Mailbox(redis);
    for (let i = 0; i < MAILBOX_MESSAGES_MAX; i += 1) await mailbox.keep(appMessage(), { stops: false });
    const late = appMessage();
    expect(await mailbox.keep(late, { stops: false })).toEqual({ outcome: "busy", repeated: false, tellBusy: true });
    await redis.lpop(conversationKeys(late.conversationId).mail);
    expect(await mailbox.keep(late, { stops: false })).toEqual({ outcome: "busy", repeated: true, tellBusy: false });
  });

  test("a bot message opens an empty snapshot that polls can read, once", async () => {
    const message = botMessage();
    await new Mailbox(redis).keep(message, { stops: false });
    const streamId = streamIdOf(message.conversationId, message.id);
    const snapshots = new Snapshots(redis);
    expect(await snapshots.read(streamId)).toMatchObject({ content: "", finish: false });
    expect(await snapshots.read("s0-0123456789abcdef0123456789abcdef")).toBeNull();
    expect(await snapshots.read("../../etc/passwd")).toBeNull();
  });

  test("with Redis out of memory nothing is kept, and the message can be kept later", async () => {
    const mailbox = new Mailbox(redis);
    await redis.config("SET", "maxmemory", "1");
    const message = botMessage();
    await expect(mailbox.keep(message, { stops: false })).rejects.toMatchObject({ code: "store_unavailable" });
    await redis.config("SET", "maxmemory", "0");
    expect(await redis.keys("*")).toEqual([]);
    expect(await mailbox.keep(message, { stops: false })).toEqual({
      outcome: "kept",
      repeated: false,
      tellBusy: false,
    });
  });

  test("with Redis away keeping fails at once instead of waiting in memory", async () => {
    const gone = await startPrivateRedis();
    const connection = connectRedis(gone.url, silentEvents());
    await new Promise<void>((resolve) => connection.once("ready", () => resolve()));
    await gone.stop();
    const fromMs = performance.now();
    await expect(new Mailbox(connection).keep(appMessage(), { stops: false })).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(performance.now() - fromMs).toBeLessThan(1_500);
    connection.disconnect();
  });
});

describe("lease", () => {
  test("of two workers woken for one conversation one holds it, and the other's wake-up is gone", async () => {
    const mailbox = new Mailbox(redis);
    const [first, second] = [appMessage(), appMessage()];
    await mailbox.keep(first, { stops: false });
    await mailbox.keep(second, { stops: false });
    const a = await worker("a");
    const wakeUps = await a.read(reader, 16, 100);
    expect(wakeUps).toHaveLength(2);
    const leases = await Promise.all(wakeUps.map((wakeUp) => takeLease(redis, wakeUp, "a")));
    expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
    expect(await redis.xlen(conversationKeys(first.conversationId).wake)).toBe(1);
  });

  test("releasing with mail in the box keeps the lease; with none it ends lease and wake-up", async () => {
    const mailbox = new Mailbox(redis);
    const message = appMessage();
    await mailbox.keep(message, { stops: false });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 8, 100);
    const lease = wakeUp === undefined ? null : await takeLease(redis, wakeUp, "a");
    if (lease === null) throw new Error("the lease was free");
    expect(await lease.release()).toBe(false);
    await new TurnDesk(lease).finish(message, FINISH);
    expect(await lease.release()).toBe(true);
    const keys = conversationKeys(message.conversationId);
    expect(await redis.exists(keys.lease, keys.mail, keys.journal)).toBe(0);
    expect(await redis.xlen(keys.wake)).toBe(0);
  });

  test("a late holder, whose lease another took, can change nothing", async () => {
    const message = botMessage();
    await new Mailbox(redis).keep(message, { stops: false });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 8, 100);
    if (wakeUp === undefined) throw new Error("no wake-up");
    const late = await takeLease(redis, wakeUp, "a");
    if (late === null) throw new Error("the lease was free");
    const keys = conversationKeys(message.conversationId);
    await redis.del(keys.lease); // as if its life had ended
    const next = await takeLease(redis, wakeUp, "b");
    expect(next).not.toBeNull();
    const desk = new TurnDesk(late);
    const before = await redis.dump(keys.mail);
    for (const write of [
      () => late.renew(),
      () => late.release(),
      () => desk.open(),
      () => desk.noteReply({}, ["a"]),
      () => desk.notePartsSent(1),
      () => desk.show(streamIdOf(message.conversationId, message.id), { content: "x", finish: true, expiresAtMs: 0 }),
      () => desk.finish(message, FINISH),
    ]) {
      await expect(write()).rejects.toMatchObject({ code: "lease_lost" });
    }
    expect(await redis.dump(keys.mail)).toEqual(before);
    await late.handOver();
    expect(await redis.get(keys.lease)).toBe(next?.value);
  });

  test("the living holder's own wake-up, claimed by another because it looked old, stays pending", async () => {
    const message = appMessage();
    await new Mailbox(redis).keep(message, { stops: false });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 8, 100);
    if (wakeUp === undefined) throw new Error("no wake-up");
    await takeLease(redis, wakeUp, "a");
    expect(await takeLease(redis, wakeUp, "b")).toBeNull();
    expect(await redis.xlen(conversationKeys(message.conversationId).wake)).toBe(1);
  });

  test("handing over frees the conversation at once and does not count as a try", async () => {
    const message = appMessage();
    await new Mailbox(redis).keep(message, { stops: false });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 8, 100);
    const lease = wakeUp === undefined ? null : await takeLease(redis, wakeUp, "a");
    if (lease === null) throw new Error("the lease was free");
    await new TurnDesk(lease).open();
    await lease.handOver();
    const [again] = await (await worker("b")).read(reader, 8, 100);
    const next = again === undefined ? null : await takeLease(redis, again, "b");
    if (next === null) throw new Error("the lease was free");
    expect((await new TurnDesk(next).open())?.attempts).toBe(1);
  });

  test("a dead worker's wake-up is claimed by another, which finds the try counted and the reply noted", async () => {
    const message = appMessage();
    await new Mailbox(redis).keep(message, { stops: false });
    const dead = await worker("dead");
    const [wakeUp] = await dead.read(reader, 8, 100);
    const lease = wakeUp === undefined ? null : await takeLease(redis, wakeUp, "dead");
    if (lease === null) throw new Error("the lease was free");
    const desk = new TurnDesk(lease);
    await desk.open();
    await desk.noteReply({ text: "答" }, ["答", "答"]);
    await desk.notePartsSent(1);
    // Make it look abandoned without waiting: older in the group, and the lease at its end.
    const keys = conversationKeys(message.conversationId);
    await redis.xclaim(keys.wake, "workers", "dead", 0, lease.value.split("|")[1] ?? "", "IDLE", LEASE_TTL_MS + 2_000);
    await redis.pexpire(keys.lease, 1);
    const alive = await worker("alive");
    const [claimed] = await alive.claimAbandoned();
    if (claimed === undefined) throw new Error("nothing was claimed");
    while ((await redis.exists(keys.lease)) === 1);
    const next = await takeLease(redis, claimed, "alive");
    if (next === null) throw new Error("the lease was free");
    expect(await new TurnDesk(next).open()).toEqual({
      message,
      attempts: 2,
      noted: { reply: { text: "答" }, marks: [0, 1], partsSent: 1, resumed: true },
    });
  });
});

describe("turn desk", () => {
  async function hold(message = appMessage()) {
    await new Mailbox(redis).keep(message, { stops: false });
    const a = await worker("a");
    const [wakeUp] = await a.read(reader, 8, 100);
    const lease = wakeUp === undefined ? null : await takeLease(redis, wakeUp, "a");
    if (lease === null) throw new Error("the lease was free");
    const desk = new TurnDesk(lease);
    await desk.open();
    return { message, desk, keys: lease.keys, lease };
  }
  const turn = (question: string) => ({ speaker: "", question, answer: "答", tokens: 2, atMs: 1 });

  test("finishing adds the turn, removes the message and spools the record, all in one step", async () => {
    const { message, desk, keys } = await hold();
    await desk.finish(message, { ...FINISH, session: { kind: "add", turn: turn("问") } });
    expect(await desk.recall()).toEqual([turn("问")]);
    expect(await redis.llen(keys.mail)).toBe(0);
    expect(await redis.xlen(keys.records)).toBe(1);
    expect(await redis.pttl(keys.session)).toBeGreaterThan(50_000);
  });

  test("finishing twice, as after an answer that was never seen, changes nothing the second time", async () => {
    const { message, desk, keys } = await hold();
    const end = { ...FINISH, session: { kind: "add" as const, turn: turn("问") } };
    await desk.finish(message, end);
    await expect(desk.finish(message, end)).rejects.toMatchObject({ code: "lease_lost" });
    expect(await desk.recall()).toHaveLength(1);
    expect(await redis.xlen(keys.records)).toBe(1);
  });

  test("replace puts the new answer in the last one's place, forget leaves nothing, keep leaves all", async () => {
    const first = await hold();
    await first.desk.finish(first.message, { ...FINISH, session: { kind: "add", turn: turn("一") } });
    const second = await hold2(first.lease);
    await first.desk.finish(second, { ...FINISH, session: { kind: "replace", turn: turn("二") } });
    expect((await first.desk.recall()).map((one) => one.question)).toEqual(["二"]);
    const third = await hold2(first.lease);
    await first.desk.finish(third, FINISH);
    expect(await first.desk.recall()).toHaveLength(1);
    const fourth = await hold2(first.lease);
    await first.desk.finish(fourth, { ...FINISH, session: { kind: "forget" } });
    expect(await first.desk.recall()).toEqual([]);
  });

  async function hold2(lease: { conversationId: string }) {
    const message = appMessage({ conversationId: lease.conversationId });
    await new Mailbox(redis).keep(message, { stops: false });
    return message;
  }

  test("a stop request is seen by renewals until a turn obeyed it, and its own turn learns that", async () => {
    const { message, desk, keys, lease } = await hold();
    expect(await lease.renew()).toBeNull();
    const stop = appMessage({ conversationId: lease.conversationId, text: "/stop" });
    await new Mailbox(redis).keep(stop, { stops: true });
    expect(await lease.renew()).toBe(stop.id);
    await desk.finish(message, { ...FINISH, stop: { obeyed: stop.id } });
    expect(await lease.renew()).toBeNull();
    expect(await desk.wasObeyed(stop.id)).toBe(true);
    await desk.finish(stop, { ...FINISH, stop: { answered: true } });
    expect(await redis.exists(keys.stop, keys.obeyed)).toBe(0);
  });

  test("the case of a refusal and an unanswered question are kept beside the session", async () => {
    const { message, desk } = await hold();
    await desk.finish(message, { ...FINISH, caseNumber: "ABCD-1234", unanswered: { text: "问" } });
    expect(await desk.notes()).toEqual({ caseNumber: "ABCD-1234", unanswered: { text: "问" }, rateable: null });
  });

  test("what a thumb speaks of is kept, and feedback is recorded beside its turn in the same step", async () => {
    const { lease, message, desk } = await hold();
    await desk.finish(message, { ...FINISH, rateable: "s1-2", feedback: { n: 2 } });
    expect(await desk.notes()).toEqual({ caseNumber: null, unanswered: null, rateable: "s1-2" });
    const records = await redis.xrange(conversationKeys(lease.conversationId).records, "-", "+");
    expect(records.map(([, fields]) => fields[1])).toEqual(['{"n":1}', '{"n":2}']);
  });
});
