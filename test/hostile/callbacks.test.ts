import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decrypt } from "../../simulator/platform-crypto.ts";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";
import { hostileRequests } from "./hostile-requests.ts";
import { appXml, botBody, type Doors, ROUTES, SENDERS, signedRequest } from "./requests.ts";
import { type Answer, HostileCaller } from "./send.ts";
import { startWatchedGateway, type WatchedGateway } from "./watched-gateway.ts";

/**
 * Hostile callbacks against a gateway in a process of its own, over real HTTP. 1,000 on each of the four routes; for more,
 * `HOSTILE_PER_ROUTE=10000 npm test -- test/hostile/callbacks.test.ts`. `HOSTILE_SEED` gives other variations; a failure
 * names its request, and the same seed makes it again.
 */

const PER_ROUTE = Number(process.env.HOSTILE_PER_ROUTE ?? 1_000);
const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);
/** Before the first measure, for caches to fill and the compiler to warm up. */
const WARM_UP_PER_ROUTE = 300;
/**
 * Measured over 70,000 requests: between 47 and 56 MiB, in no order, as the engine compiles code and throws it away; from
 * 20,000 on within half a MiB. In the long form 200 bytes that stay of each request go beyond this, in any form the bodies
 * of a few large ones.
 */
const HEAP_GROWTH_MIB_MAX = 8;

const OTHERS = ["zhangsan", "lisi", "wangwu"].map((userId) => ({ userId, name: userId }));
/** What absurd messages rightly raise: a sender whom WeCom does not know, an id that no database takes. */
const ALERTS = ["wecom_recipient", "record_rejected"];

let world: World;
let gateway: WatchedGateway;
let caller: HostileCaller;
let doors: Doors;
let heapBeforeMib = 0;

beforeAll(async () => {
  world = await startWorld({ platform: { members: [...SENDERS, ...OTHERS] } });
  world.model.script(() => answers("好的。"));
  gateway = await startWatchedGateway({ ...world.env, OPENAI_API_KEY: "sk-hostile-canary" });
  const { app, bot, corpId } = world.platform;
  doors = {
    app: { token: app.token, aesKey: app.aesKey, receiveId: corpId },
    bot: { token: bot.token, aesKey: bot.aesKey, receiveId: "" },
    agentId: String(app.agentId),
    botId: bot.botId,
    nowMs: Date.now,
  };
  const secrets = [app.token, app.aesKey, app.secret, bot.token, bot.aesKey, "sk-hostile-canary"];
  caller = new HostileCaller(gateway.url, secrets);
  for (const route of ROUTES) await caller.sendAll(hostileRequests(doors, route, WARM_UP_PER_ROUTE, SEED - 1));
  await quiet();
  heapBeforeMib = await gateway.heapMib();
}, 120_000);
afterAll(async () => {
  caller.close();
  await gateway.kill();
  await world.stop();
});

/** No turn is running, and none waits. */
async function quiet(): Promise<void> {
  let seen = -1;
  await until(
    async () => {
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      const before = seen;
      seen = world.model.requests.length;
      return /^yingda_turns_running 0$/m.test(metrics) && seen === before;
    },
    { what: "the end of all turns", timeoutMs: 60_000 },
  );
}

let ids = 0;
/** A message nobody has sent before is answered by the model, to the end. */
async function expectGoodService(): Promise<void> {
  ids += 1;
  const text = `好消息第${ids}条`;
  const sent = await caller.send(
    signedRequest(
      doors,
      "POST app",
      appXml(doors, { FromUserName: "lisi", Content: text, MsgId: `66000000000000${1_000 + ids}` }),
    ),
  );
  expect(sent).toEqual({ status: 200, text: "" });
  await until(() => JSON.stringify(world.model.requests.map((one) => one.body)).includes(text), {
    what: "a good message's turn",
  });
  expect([gateway.child.exitCode, gateway.child.signalCode]).toEqual([null, null]);
}

describe("hostile callbacks", () => {
  test.each(ROUTES)(
    "%s: every one gets its contract answer, nothing leaks, and a good message is answered right after",
    async (route) => {
      expect(await caller.sendAll(hostileRequests(doors, route, PER_ROUTE, SEED + ROUTES.indexOf(route)))).toEqual([]);
      await expectGoodService();
    },
    60_000 + PER_ROUTE * 20,
  );

  test.each(["app", "bot"] as const)(
    "%s: the very same request again gets the same answer and no second turn",
    async (channel) => {
      const text = `只问一次-${channel}`;
      const plain =
        channel === "app"
          ? appXml(doors, { FromUserName: "wangwu", Content: text, MsgId: "6600000000000000001" })
          : JSON.stringify(botBody(doors, { msgid: "replayed", from: { userid: "wangwu" }, text: { content: text } }));
      const once = signedRequest(doors, channel === "app" ? "POST app" : "POST bot", plain);
      const first = await caller.send(once);
      await until(() => turnsAbout(text) > 0, { what: "the turn" });
      const later = await Promise.all([caller.send(once), caller.send(once), caller.send(once)]);
      await expectGoodService();
      expect(turnsAbout(text)).toBe(1);
      for (const again of later) {
        expect(again.status).toBe(200);
        if (channel === "app") expect(again.text).toBe(first.text);
        else expect(streamIn(again)).toBe(streamIn(first));
      }
    },
  );

  test.each(["app", "bot"] as const)("%s: ids that differ only beyond 2^53 are two messages", async (channel) => {
    const ids = ["9007199254740992", "9007199254740993"];
    for (const id of ids) {
      const content = `大号消息${channel}${id}`;
      const plain =
        channel === "app"
          ? appXml(doors, { FromUserName: "wangwu", Content: content, MsgId: id })
          : JSON.stringify(botBody(doors, { msgid: id, from: { userid: "wangwu" }, text: { content } }));
      expect((await caller.send(signedRequest(doors, channel === "app" ? "POST app" : "POST bot", plain))).status).toBe(
        200,
      );
    }
    await until(() => ids.every((id) => turnsAbout(`大号消息${channel}${id}`) > 0), { what: "a turn for each" });
  });

  test("the heap is as large after all of it as before, and the process has nothing to complain about", async () => {
    await quiet();
    const heapMib = await gateway.heapMib();
    const figures = `${caller.sent} requests, heap ${heapBeforeMib.toFixed(1)} to ${heapMib.toFixed(1)} MiB`;
    process.stderr.write(`hostile: seed ${SEED}, ${figures}, slowest answer ${caller.slowestMs.toFixed(0)} ms\n`);
    expect(heapMib - heapBeforeMib).toBeLessThan(HEAP_GROWTH_MIB_MAX);
    expect(gateway.stderr()).toBe("");
    expect([gateway.child.exitCode, gateway.child.signalCode]).toEqual([null, null]);
    const lines = gateway.stdout().trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as { level: string; alert?: string });
    const bad = entries.filter(({ level }) => level === "error" || level === "fatal");
    expect(bad.filter(({ alert }) => !ALERTS.includes(alert ?? ""))).toEqual([]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/yingda_callbacks_total\{[^}]*status="403"\} \d+/);
    expect(metrics).not.toMatch(/yingda_callbacks_total\{[^}]*status="5\d\d"\}/);
  }, 120_000);
});

/** Requests to the model whose newest message holds `text`. */
function turnsAbout(text: string): number {
  return world.model.requests.filter(({ body }) => {
    const { messages } = body as { messages: { content: string }[] };
    return messages.at(-1)?.content.includes(text) === true;
  }).length;
}

function streamIn(answer: Answer): string {
  const { encrypt } = JSON.parse(answer.text) as { encrypt: string };
  return (JSON.parse(decrypt(doors.bot.aesKey, encrypt).message) as { stream: { id: string } }).stream.id;
}
