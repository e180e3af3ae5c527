import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { SHARDS, shardOf } from "../../src/session/keys.ts";
import type { Message } from "../../src/session/message.ts";
import type { SessionChange, TurnEnd } from "../../src/session/turn-desk.ts";
import type { WakeUpReader } from "../../src/session/wake-ups.ts";
import { appMessage, botMessage } from "../support/messages.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";
import { type Answers, CONSUMERS, type Consumer, StorePair } from "./store-pair.ts";

/** Sequences tried, and steps of one. */
const RUNS = 150;
const STEPS_MAX = 50;
/** How far apart two lives of the same thing may be set: both are, one after the other. */
const TTL_SLACK_MS = 3_000;

/** Two that share a shard with each other, and one that does not. */
const CONVERSATIONS = ["app:1000002:zhangsan", "bot:B1:single:member8", "bot:B1:group:wrChat"];
const TEXTS = ["你好", "", '引号"和\\', "半个字符\ud83d", "😀\u200b", "a".repeat(3_000)];

let server: PrivateRedis;
let redis: Redis;
let reader: WakeUpReader;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url, { enableAutoPipelining: true });
  const connection = new Redis(server.url);
  connection.setMaxListeners(0); // two workers for each sequence, all on this connection
  reader = { connection, shards: Array.from({ length: SHARDS }, (_, shard) => shard) };
});
afterAll(async () => {
  redis.disconnect();
  reader.connection.disconnect();
  await server.stop();
});

const conversation = fc.constantFrom(...CONVERSATIONS);
const consumer = fc.constantFrom(...CONSUMERS);
/** Which one of those that there are. */
const which = fc.nat({ max: 1_000 });
const text = fc.constantFrom(...TEXTS);
const session: fc.Arbitrary<SessionChange> = fc.oneof(
  fc.record({ kind: fc.constantFrom("keep" as const, "forget" as const) }),
  fc.record({
    kind: fc.constantFrom("add" as const, "replace" as const),
    turn: fc.record({ speaker: fc.constant(""), question: text, answer: text, tokens: fc.nat(), atMs: fc.nat() }),
  }),
);
const end: fc.Arbitrary<Omit<TurnEnd, "stop">> = fc.record(
  {
    session,
    sessionTtlMs: fc.constant(600_000),
    record: fc.record({ n: fc.nat() }),
    deadLetter: fc.record({ reason: text }),
    caseNumber: fc.constantFrom("ABCDE-12345", "00000-00000"),
    unanswered: fc.oneof(fc.constant("clear" as const), fc.record({ text })),
    rateable: fc.constantFrom("app:1", "s1-2"),
    feedback: fc.record({ feedback: fc.nat() }),
  },
  { requiredKeys: ["session", "sessionTtlMs", "record"] },
);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("begin" as const), conversation, text, consumer }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("keep" as const),
      conversation,
      text,
      stops: fc.constantFrom(true, false, "ifBusy" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("keep again" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fill" as const), conversation }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("read" as const), consumer, count: fc.constantFrom(1, 8, 100) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("claim" as const), consumer }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("take" as const), which, consumer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire lease" as const), conversation }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("age wake-up" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("renew" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("hand over" as const), which }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("open" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("note reply" as const),
      which,
      text,
      parts: fc.array(text, { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("note sent" as const), which, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("show" as const), which, of: which, text, finish: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("finish" as const),
      which,
      of: fc.option(which, { freq: 4 }),
      end,
      stop: fc.constantFrom("none", "answered", "obeyed"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      user: fc.constantFrom("zhangsan", "lisi"),
      times: fc.integer({ min: 1, max: 30 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const NOTHING_TO_DO: Answers = { reference: { answer: null }, real: { answer: null } };

/** Does one step to both. What has nothing to be done to is left out. */
async function take(step: Step, pair: StorePair): Promise<Answers> {
  switch (step.do) {
    case "keep":
      return pair.keep(messageTo(step.conversation, step.text), { stops: step.stops });
    case "begin":
      return begin(step, pair);
    case "keep again": {
      const message = at(pair.messages, step.which);
      return message === undefined ? NOTHING_TO_DO : pair.keep(message, { stops: false });
    }
    case "fill":
      for (let i = 0; i < 20; i += 1) await pair.keep(messageTo(step.conversation, "x"), { stops: false });
      return pair.keep(messageTo(step.conversation, "one too many"), { stops: false });
    case "read":
      return pair.read(step.consumer, step.count);
    case "claim":
      return pair.claim(step.consumer);
    case "take": {
      const wakeUp = at(pair.wakeUps, step.which);
      return wakeUp === undefined ? NOTHING_TO_DO : pair.take(wakeUp, step.consumer);
    }
    case "expire lease":
      return pair.expireLease(step.conversation);
    case "age wake-up": {
      const wakeUp = at(pair.wakeUps, step.which);
      return wakeUp === undefined ? NOTHING_TO_DO : pair.ageWakeUp(wakeUp);
    }
    case "reserve":
      return pair.reserve(step.user, step.times);
    default:
      return takeAsHolder(step, pair);
  }
}

/** The usual way to a turn: keep, read, take, open. */
async function begin(
  { conversation, text, consumer }: { conversation: string; text: string; consumer: Consumer },
  pair: StorePair,
): Promise<Answers> {
  expectAnswers(await pair.keep(messageTo(conversation, text), { stops: false }));
  expectAnswers(await pair.read(consumer, 1_000));
  const wakeUp = pair.wakeUps.findLast(({ reference }) => reference.conversationId === conversation);
  if (wakeUp === undefined) return NOTHING_TO_DO;
  expectAnswers(await pair.take(wakeUp, consumer));
  return takeAsHolder({ do: "open", which: 1 }, pair);
}

async function takeAsHolder(
  step: Exclude<
    Step,
    {
      do:
        | "begin"
        | "keep"
        | "keep again"
        | "fill"
        | "read"
        | "claim"
        | "take"
        | "expire lease"
        | "age wake-up"
        | "reserve";
    }
  >,
  pair: StorePair,
): Promise<Answers> {
  // Mostly one of the newest: older ones have mostly lost what they held.
  const held = at(pair.held.slice(-2), step.which);
  if (held === undefined) return NOTHING_TO_DO;
  switch (step.do) {
    case "renew":
      return pair.holder(
        held,
        (store, lease) => store.renew(lease, held.consumer),
        (lease) => lease.renew(),
      );
    case "release":
      return pair.holder(
        held,
        (store, lease) => store.release(lease),
        (lease) => lease.release(),
      );
    case "hand over":
      return pair.holder(
        held,
        (store, lease) => store.handOver(lease),
        (lease) => lease.handOver(),
      );
    case "open":
      return pair.holder(
        held,
        (store, lease) => {
          const opened = store.open(lease);
          held.opened = opened?.message ?? null;
          return opened;
        },
        (_lease, desk) => desk.open(),
      );
    case "look": {
      const { conversationId } = held.reference;
      const stop = at(pair.messages, step.which)?.id ?? "none";
      return pair.holder(
        held,
        (store) => {
          const look = store.look(conversationId);
          return [look.recall(), look.notes(), look.wasObeyed(stop)];
        },
        async (_lease, desk) => [await desk.recall(), await desk.notes(), await desk.wasObeyed(stop)],
      );
    }
    case "note reply": {
      if (held.opened === null) return NOTHING_TO_DO;
      const { text, parts } = step;
      return pair.holder(
        held,
        (store, lease) => store.noteReply(lease, { text }, parts),
        (_lease, desk) => desk.noteReply({ text }, parts),
      );
    }
    case "note sent": {
      if (held.opened === null) return NOTHING_TO_DO;
      const { count } = step;
      return pair.holder(
        held,
        (store, lease) => store.notePartsSent(lease, count),
        (_lease, desk) => desk.notePartsSent(count),
      );
    }
    case "show": {
      const reply = at(
        pair.messages.filter((one) => one.conversationId === held.reference.conversationId),
        step.of,
      )?.reply;
      if (reply?.kind !== "bot") return NOTHING_TO_DO;
      const snapshot = { content: step.text, finish: step.finish, expiresAtMs: 1 };
      return pair.holder(
        held,
        (store, lease) => store.show(lease, reply.streamId, snapshot),
        (_lease, desk) => desk.show(reply.streamId, snapshot),
      );
    }
    case "finish": {
      const message = step.of === null ? held.opened : at(pair.messages, step.of);
      if (message === null || message === undefined) return NOTHING_TO_DO;
      const obeyed = at(pair.messages, step.which)?.id ?? "none";
      const stop = { none: {}, answered: { stop: { answered: true as const } }, obeyed: { stop: { obeyed } } }[
        step.stop
      ];
      const whole: TurnEnd = { ...step.end, ...stop };
      const answers = await pair.holder(
        held,
        (store, lease) => store.finish(lease, message, whole),
        (_lease, desk) => desk.finish(message, whole),
      );
      if ("answer" in answers.reference) held.opened = null;
      return answers;
    }
  }
}

function messageTo(conversationId: string, text: string): Message {
  return conversationId.startsWith("app:")
    ? appMessage({ conversationId, text })
    : botMessage({ conversationId, text });
}

function at<T>(list: readonly T[], which: number): T | undefined {
  return list.length === 0 ? undefined : list[which % list.length];
}

function expectAnswers({ real, reference }: Answers): void {
  expectAlike(real, reference);
}

/** The lives of things are about equal; everything else is the same. */
function expectAlike(real: unknown, reference: unknown): void {
  const apart: string[] = [];
  const compare = (a: unknown, b: unknown, path: string): void => {
    if (path.endsWith(".ttlMs")) {
      if (Math.abs(Number(a) - Number(b)) > TTL_SLACK_MS) apart.push(`${path}: ${a} in Redis, ${b} in the reference`);
    } else if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(a[key], b[key], `${path}.${key}`);
    } else if (!Object.is(a, b)) {
      apart.push(`${path}: ${JSON.stringify(a)} in Redis, ${JSON.stringify(b)} in the reference`);
    }
  };
  compare(real, reference, "");
  expect(apart).toEqual([]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

test("the conversations of this test lie in shards as they are meant to", () => {
  expect(new Set(CONVERSATIONS.map(shardOf)).size).toBe(2);
});

test("the reference store and Redis, given the same random calls, answer alike and hold the same", async () => {
  const done = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: STEPS_MAX, size: "max" }), async (steps) => {
      await redis.flushall();
      const pair = await StorePair.open(redis, reader, CONVERSATIONS);
      for (const next of steps) {
        const answers = await take(next, pair);
        if (answers !== NOTHING_TO_DO && "answer" in answers.reference) done.set(next.do, (done.get(next.do) ?? 0) + 1);
        expectAnswers(answers);
        const real = await pair.realState();
        expectAlike(real, pair.referenceState());
      }
    }),
    { numRuns: RUNS },
  );
  // Every kind of step was really taken, not left out for want of something to do it to.
  for (const kind of ["take", "open", "note reply", "note sent", "show", "finish", "release", "hand over", "claim"]) {
    expect(done.get(kind) ?? 0).toBeGreaterThan(20);
  }
}, 120_000);
