import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers } from "../support/fault-model-server.ts";
import { startRedisCluster, startRedisWithSentinel } from "../support/redis-topologies.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 40_000;
const USERS = Array.from({ length: 24 }, (_, i) => ({ userId: `user${i}`, name: `用户${i}` }));
let world: World;

beforeEach(async () => {
  world = await startWorld({ platform: { members: USERS, timing: { appRetries: 30 } } });
  world.model.script((request) => {
    const { messages } = request.body as { messages: { content: string }[] };
    return answers(`答：${/问题\d+-\d+/.exec(messages.at(-1)?.content ?? "")?.[0]}`);
  });
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

/** Each user's answers are what was asked, once and in order. */
function expectAnswered(rounds: number): void {
  for (const { userId } of USERS) {
    const expected = Array.from({ length: rounds }, (_, round) => `答：问题${userId.slice(4)}-${round}`);
    expect([userId, world.platform.inbox(userId).map((message) => message.text)]).toEqual([userId, expected]);
  }
}

async function askAll(round: number): Promise<void> {
  for (const { userId } of USERS) world.platform.sendAppText({ userId, text: `问题${userId.slice(4)}-${round}` });
  await Promise.all(USERS.map(({ userId }) => world.platform.waitForAppMessages(userId, round + 1, WAIT_MS)));
}

describe("Redis topologies", () => {
  test("on a Cluster conversations of all slots are answered, over two replicas", async () => {
    const cluster = await startRedisCluster();
    try {
      await world.startGateway({ REDIS_URL: cluster.url });
      await world.startGateway({ REDIS_URL: cluster.url });
      await askAll(0);
      await askAll(1);
      expectAnswered(2);
    } finally {
      await world.stop();
      await cluster.stop();
    }
  }, 120_000);

  test("a Cluster node that is killed and comes back loses nothing that was acknowledged", async () => {
    const cluster = await startRedisCluster();
    try {
      await world.startGateway({ REDIS_URL: cluster.url });
      await askAll(0);
      await cluster.nodes[1]?.kill("SIGKILL");
      for (const { userId } of USERS) world.platform.sendAppText({ userId, text: `问题${userId.slice(4)}-1` });
      await until(() => world.logLines.some((line) => line.code === "store_unavailable"));
      await cluster.nodes[1]?.restart();
      await Promise.all(USERS.map(({ userId }) => world.platform.waitForAppMessages(userId, 2, WAIT_MS)));
      expectAnswered(2);
    } finally {
      await world.stop();
      await cluster.stop();
    }
  }, 120_000);

  test("through Sentinel, a master that dies is replaced and chats go on", async () => {
    const redis = await startRedisWithSentinel();
    try {
      await world.startGateway({ REDIS_URL: redis.url });
      await askAll(0);
      await redis.failOver();
      await askAll(1);
      expectAnswered(2);
      // The session came along with the replica.
      const last = JSON.stringify(world.model.requests.at(-1)?.body);
      expect(last).toMatch(/问题\d+-0/);
    } finally {
      await world.stop();
      await redis.stop();
    }
  }, 120_000);
});
