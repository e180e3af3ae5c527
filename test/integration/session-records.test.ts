import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { Recorder } from "../../src/conversation/recorder.ts";
import { RecordsRejected } from "../../src/review/record-store.ts";
import type { FeedbackRecord, RecordStore, SpooledRecord } from "../../src/review/records.ts";
import { recordsKey, rejectedKey } from "../../src/session/keys.ts";
import { RecordSpool } from "../../src/session/record-spool.ts";
import { silentEvents } from "../support/messages.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";
import { until } from "../support/until.ts";

let server: PrivateRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function feedback(eventId: string): FeedbackRecord {
  return {
    kind: "feedback",
    eventId,
    feedbackId: "s1-x",
    userId: "u",
    verdict: "accurate",
    reasons: [],
    comment: "",
    atMs: 1,
  };
}

/** A store in memory whose failures a test decides: what is under test is the way from Redis, not SQL. */
class ScriptedStore implements RecordStore {
  rows: SpooledRecord[] = [];
  attempts = 0;
  failure: ((records: SpooledRecord[]) => Error | null) | null = null;

  write(records: SpooledRecord[]): Promise<void> {
    this.attempts += 1;
    const failure = this.failure?.(records) ?? null;
    if (failure instanceof RecordsRejected) {
      const refused = new Set(failure.rejected.map((one) => one.index));
      this.rows.push(...records.filter((_, index) => !refused.has(index)));
    } else if (failure === null) this.rows.push(...records);
    return failure === null ? Promise.resolve() : Promise.reject(failure);
  }

  ping(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function recorderWith(store: RecordStore, consumer = "c") {
  const spool = new RecordSpool<SpooledRecord>(redis, consumer);
  return { spool, recorder: new Recorder({ spool, store, events: silentEvents(), clock: systemClock }) };
}

describe("records on their way to the database", () => {
  test("a feedback event kept twice is one record", async () => {
    const { spool } = recorderWith(new ScriptedStore());
    expect(await spool.keep(1, "e1", feedback("e1"))).toBe(true);
    expect(await spool.keep(1, "e1", feedback("e1"))).toBe(false);
    expect(await redis.xlen(recordsKey(1))).toBe(1);
  });

  test("records of all shards are written once and leave Redis", async () => {
    const store = new ScriptedStore();
    const { spool, recorder } = recorderWith(store);
    recorder.start();
    for (let i = 0; i < 40; i += 1) await spool.keep(i % 8, `e${i}`, feedback(`e${i}`));
    await until(async () => (await spool.waiting()) === 0);
    await recorder.stop();
    expect(store.rows).toHaveLength(40);
  });

  test("while the database is away records wait, and are written when it is back", async () => {
    const store = new ScriptedStore();
    store.failure = () => new YingdaError("record_store_unavailable", "away", { retryable: true });
    const { spool, recorder } = recorderWith(store);
    await spool.keep(2, "e", feedback("e"));
    recorder.start();
    await until(() => store.attempts >= 2);
    expect(await spool.waiting()).toBe(1);
    store.failure = null;
    await until(async () => (await spool.waiting()) === 0);
    await recorder.stop();
    expect(store.rows).toEqual([feedback("e")]);
  });

  test("a record that the database refuses for good is set aside, the others are written", async () => {
    const store = new ScriptedStore();
    store.failure = (records) => {
      const index = records.findIndex((record) => record.kind === "feedback" && record.eventId === "bad");
      return index < 0 ? null : new RecordsRejected([{ index, id: "bad", reason: "too odd" }]);
    };
    const { spool, recorder } = recorderWith(store);
    for (const id of ["a", "bad", "b"]) await spool.keep(3, id, feedback(id));
    recorder.start();
    await until(async () => (await spool.waiting()) === 0);
    await recorder.stop();
    expect(store.rows.map((record) => (record.kind === "feedback" ? record.eventId : ""))).toEqual(["a", "b"]);
    expect(await redis.lrange(rejectedKey(3), 0, -1)).toEqual([JSON.stringify(feedback("bad"))]);
  });

  test("two recorders at once write each record, and none is left", async () => {
    const store = new ScriptedStore();
    const one = recorderWith(store, "one");
    const two = recorderWith(store, "two");
    one.recorder.start();
    two.recorder.start();
    for (let i = 0; i < 100; i += 1) await one.spool.keep(i % 8, `e${i}`, feedback(`e${i}`));
    await until(async () => (await one.spool.waiting()) === 0);
    await Promise.all([one.recorder.stop(), two.recorder.stop()]);
    expect(new Set(store.rows.map((record) => (record.kind === "feedback" ? record.eventId : "")))).toHaveProperty(
      "size",
      100,
    );
  });
});
