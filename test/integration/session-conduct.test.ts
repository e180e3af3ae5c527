import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { type ConductNote, type ConductRules, RedisConduct } from "../../src/session/conduct.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RULES: ConductRules = {
  inARow: 3,
  perDay: 5,
  pauseMs: DAY_MS,
  expireMs: 30 * DAY_MS,
  riskHalfLifeMs: HOUR_MS,
};

let server: PrivateRedis;
let redis: Redis;
let conduct: RedisConduct;
let messages = 0;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
  conduct = new RedisConduct(redis);
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function noteOf(parts: Partial<ConductNote> = {}): ConductNote {
  messages += 1;
  const own = { userId: "zhangsan", conversationId: "app:1:zhangsan", messageId: `m${messages}` };
  return { ...own, atMs: Date.now(), risk: 0, strikes: 0, ...parts };
}
const refused = (parts: Partial<ConductNote> = {}) => conduct.note(noteOf({ strikes: 1, ...parts }), RULES);
const answered = () => conduct.note(noteOf(), RULES);
const standing = (nowMs = Date.now(), userId = "zhangsan") => conduct.standing(userId, "app:1:zhangsan", nowMs, RULES);

describe("strikes", () => {
  test("the third refusal in a row pauses the member for a day, whichever way the userid is written", async () => {
    const nowMs = Date.now();
    expect(await refused({ atMs: nowMs })).toBeNull();
    expect(await refused({ atMs: nowMs })).toBeNull();
    expect(await refused({ atMs: nowMs })).toBe(nowMs + DAY_MS);
    expect(await standing(nowMs, "ZhangSan")).toMatchObject({ pausedUntilMs: nowMs + DAY_MS });
    expect(await standing(nowMs, "lisi")).toMatchObject({ pausedUntilMs: null });
  });

  test("an answered question ends a row; five refusals in a day pause all the same", async () => {
    for (let n = 0; n < 2; n += 1) {
      expect(await refused()).toBeNull();
      expect(await refused()).toBeNull();
      expect(await standing()).toMatchObject({ struck: true });
      await answered();
      expect(await standing()).toMatchObject({ struck: false });
    }
    expect(await refused()).not.toBeNull();
  });

  test("yesterday's refusals do not count for the day, and old ones are forgotten", async () => {
    const nowMs = Date.now();
    for (const agoMs of [29 * DAY_MS, 2 * DAY_MS, 1.5 * DAY_MS, 1.1 * DAY_MS]) {
      await refused({ atMs: nowMs - agoMs });
      await answered();
    }
    await answered();
    expect(await refused({ atMs: nowMs })).toBeNull();
    await refused({ atMs: nowMs + 2 * DAY_MS });
    expect(await redis.zcard("yingda:{member:zhangsan}:strikes")).toBe(5);
  });

  test("a fault that weighs three pauses at once", async () => {
    expect(await refused({ strikes: 3 })).not.toBeNull();
  });

  test("the same message counts once, also when its turn is run again after the pause began", async () => {
    const one = noteOf({ strikes: 1 });
    for (let n = 0; n < 5; n += 1) expect(await conduct.note(one, RULES)).toBeNull();
    await refused();
    const third = noteOf({ strikes: 1 });
    const until = await conduct.note(third, RULES);
    expect(until).not.toBeNull();
    expect(await conduct.note(third, RULES)).toBe(until);
  });

  test("a message that is noted again after another one counts no second time", async () => {
    const first = noteOf({ strikes: 1 });
    await conduct.note(first, RULES);
    await refused();
    expect(await conduct.note(first, RULES)).toBeNull();
    expect(await refused()).not.toBeNull();
  });

  test("noted at the same time by two processes, each message counts once and one pause begins", async () => {
    const notes = Array.from({ length: 3 }, () => noteOf({ strikes: 1 }));
    const other = new Redis(server.url);
    const twice = await Promise.all(
      notes.flatMap((note) => [conduct.note(note, RULES), new RedisConduct(other).note(note, RULES)]),
    );
    other.disconnect();
    expect(await redis.zcard("yingda:{member:zhangsan}:strikes")).toBe(3);
    expect(twice.some((until) => until !== null)).toBe(true);
  });

  test("a policy without pauses counts and pauses nobody", async () => {
    const rules = { ...RULES, pauseMs: 0 };
    for (let n = 0; n < 6; n += 1) expect(await conduct.note(noteOf({ strikes: 1 }), rules)).toBeNull();
    expect(await standing()).toMatchObject({ pausedUntilMs: null });
  });
});

describe("questions that were refused by mistake", () => {
  test("take their strikes with them, and the pause that the last of them brought", async () => {
    const nowMs = Date.now();
    const notes = Array.from({ length: 3 }, () => noteOf({ strikes: 1, atMs: nowMs }));
    for (const note of notes) await conduct.note(note, RULES);
    expect((await standing(nowMs)).pausedUntilMs).toBe(nowMs + DAY_MS);
    await conduct.forgive("ZhangSan", [notes[0]?.messageId ?? ""]);
    expect(await standing(nowMs)).toMatchObject({ pausedUntilMs: nowMs + DAY_MS });
    await conduct.forgive("zhangsan", [notes[2]?.messageId ?? ""]);
    expect(await standing(nowMs)).toMatchObject({ pausedUntilMs: null });
    expect(await redis.zrange("yingda:{member:zhangsan}:strikes", "0", "-1")).toEqual([`${notes[1]?.messageId}|1`]);
  });
});

describe("what a person imposes", () => {
  const nowMs = Date.now();

  test("keeps a member from asking until its end, or until it is lifted, whichever way the userid is written", async () => {
    await conduct.restrict("ZhangSan", { untilMs: nowMs + HOUR_MS }, nowMs);
    expect(await standing(nowMs)).toMatchObject({ restriction: { untilMs: nowMs + HOUR_MS } });
    expect(await standing(nowMs + HOUR_MS)).toMatchObject({ restriction: null });
    await conduct.restrict("zhangsan", { untilMs: null }, nowMs);
    expect(await standing(nowMs + 999 * DAY_MS)).toMatchObject({ restriction: { untilMs: null } });
    await conduct.restrict("zhangsan", null, nowMs);
    expect(await standing(nowMs)).toMatchObject({ restriction: null });
  });

  test("for a time that has passed imposes nothing", async () => {
    await conduct.restrict("zhangsan", { untilMs: nowMs - 1 }, nowMs);
    expect(await standing(nowMs)).toMatchObject({ restriction: null });
  });

  test("is another thing than a pause by strikes: lifting one leaves the other", async () => {
    const until = await refused({ strikes: 3, atMs: nowMs });
    await conduct.restrict("zhangsan", { untilMs: null }, nowMs);
    expect(await conduct.pausedUntilMs("zhangsan", nowMs)).toBe(until);
    await conduct.endPause("ZHANGSAN");
    expect(await standing(nowMs)).toMatchObject({ pausedUntilMs: null, restriction: { untilMs: null } });
  });
});

describe("risk of a member in a conversation", () => {
  test("adds up, halves with each half-life, and is another conversation's in no way", async () => {
    const nowMs = Date.now();
    await conduct.note(noteOf({ risk: 2, atMs: nowMs - HOUR_MS }), RULES);
    await conduct.note(noteOf({ risk: 0.3, atMs: nowMs }), RULES);
    expect((await standing(nowMs)).risk).toBeCloseTo(1.3, 5);
    expect((await standing(nowMs + HOUR_MS)).risk).toBeCloseTo(0.65, 5);
    expect((await conduct.standing("zhangsan", "app:1:other", nowMs, RULES)).risk).toBe(0);
    // In a group every member has a risk of his own.
    expect((await standing(nowMs, "lisi")).risk).toBe(0);
    expect((await standing(nowMs, "ZhangSan")).risk).toBeCloseTo(1.3, 5);
  });

  test("the same message adds once, and only so many entries are kept", async () => {
    const nowMs = Date.now();
    const note = noteOf({ risk: 1, atMs: nowMs });
    await conduct.note(note, RULES);
    await conduct.note(note, RULES);
    expect((await standing(nowMs)).risk).toBe(1);
    for (let n = 0; n < 150; n += 1) await conduct.note(noteOf({ risk: 1, atMs: nowMs }), RULES);
    expect((await standing(nowMs)).risk).toBe(100);
  });

  test("everything that is kept has an end", async () => {
    await refused({ risk: 2 });
    await refused({ strikes: 3 });
    const keys = await redis.keys("*");
    expect(keys.length).toBe(4);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });
});
