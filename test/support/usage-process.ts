import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { RedisUsageBudget, type UsageLimits } from "../../src/session/usage-budget.ts";

/**
 * A process of its own that spends tokens: reads one plan as a line of JSON, runs all its turns at once, and writes what
 * became of each as a line of JSON.
 */

export interface SpendingPlan {
  redisUrl: string;
  limits: UsageLimits;
  nowMs: number;
  turns: {
    turnId: string;
    userId: string;
    departmentId: string | null;
    tokens: number;
    used: number;
    settles: number;
  }[];
}

export interface SpendingReport {
  granted: string[];
}

for await (const line of createInterface({ input: process.stdin })) {
  const { redisUrl, limits, nowMs, turns } = JSON.parse(line) as SpendingPlan;
  const redis = new Redis(redisUrl);
  const budget = new RedisUsageBudget(redis, limits, () => nowMs);
  const granted: string[] = [];
  await Promise.all(
    turns.map(async ({ used, settles, ...request }) => {
      const { granted: got } = await budget.reserve(request);
      if (!got) return;
      granted.push(request.turnId);
      for (let n = 0; n < settles; n += 1) await budget.settle(request.turnId, used);
    }),
  );
  redis.disconnect();
  process.stdout.write(`${JSON.stringify({ granted } satisfies SpendingReport)}\n`);
}
