import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decrypt } from "../../simulator/platform-crypto.ts";
import { ERROR_STATUS, type ErrorCode } from "../../src/base/errors.ts";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { type Replica, startWorld, type World } from "../support/world.ts";
import {
  appXml,
  botBody,
  CANARY_TEXT,
  type Doors,
  type HostileRequest,
  hostileRequests,
  ROUTES,
  signedRequest,
} from "./hostile-requests.ts";

/**
 * Hostile callbacks against a gateway in a process of its own, over real HTTP. 1,000 on each of the four routes; for more,
 * `HOSTILE_PER_ROUTE=10000 npm test -- test/hostile/callbacks.test.ts`. `HOSTILE_SEED` gives other variations; a failure
 * names its request, and the same seed makes it again.
 */

const PER_ROUTE = Number(process.env.HOSTILE_PER_ROUTE ?? 1_000);
const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);
/** What a caller that floods us would keep open. */
const AT_ONCE = 8;
/** Within this a process's memory goes up and down with its garbage; a leak of one body (1 MiB) per request goes beyond. */
const RSS_GROWTH_MIB_MAX = 96;

let world: World;
let gateway: Replica;
let doors: Doors;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  world = await startWorld({ platform: { limits: { memberPerMinute: 1_000_000, memberPerHour: 1_000_000 } } });
  world.model.script(() => answers("好的。"));
  gateway = await world.startProcess();
  const { app, bot, corpId } = world.platform;
  doors = {
    app: { token: app.token, aesKey: app.aesKey, receiveId: corpId },
    bot: { token: bot.token, aesKey: bot.aesKey, receiveId: "" },
    agentId: String(app.agentId),
    botId: bot.botId,
    nowMs: Date.now,
  };
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await world.stop();
});

interface Answer {
  status: number;
  text: string;
}

/** Sends one request as it is; an answer that comes before the body is out counts. */
function send(hostile: Omit<HostileRequest, "name" | "statuses">): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { hostname, port } = new URL(gateway.url);
  const body = hostile.body ?? "";
  const outgoing = request(
    {
      hostname,
      port,
      agent,
      method: hostile.method,
      path: hostile.target,
      headers: {
        ...hostile.headers,
        ...(hostile.chunked === true ? {} : { "content-length": Buffer.byteLength(body) }),
      },
      signal: AbortSignal.timeout(15_000),
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      });
    },
  );
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

function codeOf(answer: Answer): string {
  return (JSON.parse(answer.text) as { error: { code: string } }).error.code;
}

/** What is wrong with an answer; undefined for a right one. */
function faultOf(hostile: HostileRequest, answer: Answer): string | undefined {
  const { status, text } = answer;
  const at = `${hostile.method} ${hostile.name} (${hostile.target.slice(0, 60)})`;
  if (!hostile.statuses.includes(status)) return `${at}: ${status} ${text.slice(0, 100)}`;
  for (const secret of [
    doors.app.token,
    doors.app.aesKey,
    doors.bot.token,
    doors.bot.aesKey,
    world.platform.app.secret,
  ]) {
    if (text.includes(secret)) return `${at}: gives a secret away`;
  }
  if (text.includes(CANARY_TEXT)) return `${at}: gives a text back`;
  if (/\bat .+:\d+|node:|node_modules|\.ts\b/.test(text)) return `${at}: shows a stack`;
  if (status < 400 || hostile.refusedByParser === true) return undefined;
  const code = codeOf(answer);
  if (ERROR_STATUS[code as ErrorCode] !== status) return `${at}: ${status} with the code ${code}`;
  if (hostile.code !== undefined && code !== hostile.code) return `${at}: ${code} instead of ${hostile.code}`;
  return undefined;
}

/** Sends them all, some at once, and returns what was wrong with the answers. */
async function sendAll(requests: Iterable<HostileRequest>): Promise<string[]> {
  const faults: string[] = [];
  const queue = requests[Symbol.iterator]();
  const sender = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      try {
        const fault = faultOf(next.value, await send(next.value));
        if (fault !== undefined) faults.push(fault);
      } catch (error) {
        faults.push(`${next.value.method} ${next.value.name}: no answer, ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  return faults;
}

function residentMib(): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gateway.child.pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

let ids = 0;
/** A message nobody has sent before is answered by the model, to the end. */
async function expectGoodService(): Promise<void> {
  ids += 1;
  const text = `好消息第${ids}条`;
  const sent = await send(
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
      expect(await sendAll(hostileRequests(doors, route, PER_ROUTE, SEED + ROUTES.indexOf(route)))).toEqual([]);
      await expectGoodService();
    },
    60_000 + PER_ROUTE * 20,
  );

  test(
    "the process's memory is as large after another round as it was before",
    async () => {
      const round = async (seed: number): Promise<void> => {
        for (const route of ROUTES) {
          expect(await sendAll(hostileRequests(doors, route, Math.ceil(PER_ROUTE / 4), seed))).toEqual([]);
        }
      };
      await round(SEED + 10);
      const beforeMib = residentMib();
      await round(SEED + 11);
      expect(residentMib() - beforeMib).toBeLessThan(RSS_GROWTH_MIB_MAX);
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
      const first = await send(once);
      await until(() => turnsAbout(text) > 0, { what: "the turn" });
      const later = await Promise.all([send(once), send(once), send(once)]);
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
      expect((await send(signedRequest(doors, channel === "app" ? "POST app" : "POST bot", plain))).status).toBe(200);
    }
    await until(() => ids.every((id) => turnsAbout(`大号消息${channel}${id}`) > 0), { what: "a turn for each" });
  });
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
