import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 60_000;
const MEMBERS = ["zhangsan", "lisi", "wangwu", "zhaoliu", "sunqi", "zhouba", "Wu.Jiu", "zheng_shi"];
const ROUNDS = 15;

let world: World;
beforeAll(async () => {
  world = await startWorld({
    platform: {
      members: MEMBERS.map((userId) => ({ userId, name: userId })),
      limits: { memberPerMinute: 10_000, memberPerHour: 10_000 },
    },
  });
  await world.startGateway();
}, 60_000);
afterAll(async () => {
  await world.stop();
});

interface Sent {
  messages: { role: string; content: string }[];
}
const prompts = (): Sent[] => world.model.requests.map(({ body }) => body as Sent);

describe("what people write", () => {
  test("no word of one conversation is in another's prompt or answer", async () => {
    const start = world.model.requests.length;
    // The answer carries on what the prompt holds: a word that strays is seen in both.
    world.model.script(({ body }) => {
      const words = JSON.stringify((body as Sent).messages).match(/暗号[A-Za-z_.]+[ab]\d+号/g) ?? [];
      return answers(`收到${[...new Set(words)].slice(-3).join("、")}`);
    });
    const places = MEMBERS.flatMap((userId) => [
      { userId, side: "a" as const },
      { userId, side: "b" as const },
    ]);
    const bubbles: { owner: string; id: string }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { userId, side } of places) {
        const text = `暗号${userId}${side}${round}号`;
        if (side === "a") world.platform.sendAppText({ userId, text });
        else bubbles.push({ owner: `${userId}b`, id: world.platform.sendBotText({ userId, text }).messageId });
      }
      const wanted = start + (round + 1) * places.length;
      await until(() => world.model.requests.length >= wanted, { what: `round ${round}`, timeoutMs: WAIT_MS });
    }
    const ownersIn = (text: string): Set<string> =>
      new Set([...text.matchAll(/暗号([A-Za-z_.]+[ab])\d+号/g)].map((match) => match[1] ?? ""));
    const turns = prompts().slice(start);
    expect(turns).toHaveLength(places.length * ROUNDS);
    for (const turn of turns) expect([...ownersIn(JSON.stringify(turn.messages))]).toHaveLength(1);
    // The context was there: late prompts hold more than their own question.
    expect(turns.at(-1)?.messages.length).toBeGreaterThan(3);
    for (const userId of MEMBERS) {
      const inbox = await world.platform.waitForAppMessages(userId, ROUNDS, WAIT_MS);
      expect([...ownersIn(inbox.map((message) => message.text).join())]).toEqual([`${userId}a`]);
    }
    for (const { owner, id } of bubbles) {
      await until(() => world.platform.bubble(id)?.finished === true, { what: "a bubble's end", timeoutMs: WAIT_MS });
      expect([...ownersIn(world.platform.bubble(id)?.content ?? "")]).toEqual([owner]);
    }
  }, 120_000);
});
