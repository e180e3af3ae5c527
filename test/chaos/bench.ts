import { setTimeout as delay } from "node:timers/promises";
import { answers } from "../support/fault-model-server.ts";
import { startRedisWithSentinel } from "../support/redis-topologies.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";
import {
  answerTo,
  askedIn,
  type Conversation,
  isAnswered,
  type Judged,
  judge,
  type Kind,
  makeConversations,
  questionOf,
} from "./conversations.ts";
import { Fleet, stepsInTurn } from "./fleet.ts";
import { pick, seededRandom } from "./random.ts";

export type Scenario = "crash" | "redis-restart" | "sentinel" | "rolling";

export interface ChaosOptions {
  scenario: Scenario;
  /** Over all conversations. */
  messages: number;
  /** Processes killed, Redis restarts, failovers (one), or whole rolls of the fleet. */
  strikes: number;
  seed: number;
  say?: (line: string) => void;
}

export interface ChaosResult {
  strikes: { name: string; wanted: number; struck: number }[];
  /** Every message and what became of it. */
  judged: Judged[];
  /** Sends that WeCom's duplicate check recognised as resent: the ambiguous window, seen from outside. */
  resentAndRecognised: number;
  modelRequests: number;
  tookMs: number;
}

const REPLICAS = 3;
const CONVERSATIONS = 60;
/** Between two strikes, so that what one broke is mended by another before the third. */
const STRIKE_EVERY_MS = 700;
/** Everything outstanding is answered within this after the last message: three lives of a lease, and work. */
const SETTLE_MS = 90_000;
/** WeCom's own limit (wecom-protocol 4.2). */
const BOT_INTERACTIONS_MAX = 3;

/**
 * Sends messages over many conversations of all channels while something dies again and again, then accounts from the
 * outside: each message answered once, whole, in order, by its own conversation.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const startedMs = performance.now();
  const random = seededRandom(options.seed);
  const conversations = makeConversations(CONVERSATIONS);
  const world = await startWorld({ platform: platformFor(conversations), packs: false });
  const sentinel = options.scenario === "sentinel" ? await startRedisWithSentinel() : null;
  if (sentinel !== null) world.env.REDIS_URL = sentinel.url;
  const fleet = new Fleet(world, sentinel === null ? world.redis.port : null);
  const order = new Map<string, string[]>();
  world.model.script((request) => {
    fleet.modelAsked(request.headers.authorization);
    const asked = askedIn(JSON.stringify((request.body as { messages: unknown[] }).messages));
    if (asked === null) return answers("这个问题没有编号。");
    const name = asked.id.split("-")[0] ?? "";
    order.set(name, [...(order.get(name) ?? []), asked.id]);
    const answer = answerTo(asked.id, asked.kind);
    return answers(answer, { pieceLength: Math.ceil(answer.length / 8), everyMs: 12 });
  });
  try {
    await fleet.grow(REPLICAS);
    const load = sendAll(world, conversations, options, random);
    const onStrike = (name: string): void => markUnderWay(conversations, world, name);
    const strikes = await strikeWhile({ load, fleet, world, sentinel, onStrike }, options, random);
    await load;
    await settle(world, conversations, order, options);
    const judged = judgeAll(conversations, world, order);
    const resentAndRecognised = world.platform.sends.filter((send) => send.duplicate).length;
    const { length: modelRequests } = world.model.requests;
    return { strikes, judged, resentAndRecognised, modelRequests, tookMs: performance.now() - startedMs };
  } finally {
    await fleet.stop();
    await world.stop();
    await sentinel?.stop();
  }
}

function platformFor(conversations: Conversation[]) {
  const members = conversations.map(({ userId, name }) => ({ userId, name }));
  const groups = conversations.flatMap(({ chatId, userId, name }) =>
    chatId === undefined ? [] : [{ chatId, name, memberIds: [userId] }],
  );
  return {
    members,
    groups,
    bot: { name: "应答" },
    // WeCom repeats what failed; for the bot it promises nothing (wecom-protocol 4.3), and the bench repeats it too.
    timing: { appRetries: 60, botRetries: 60, appRetryIntervalMs: 400, pollIntervalMs: 150 },
    limits: { memberPerMinute: 1_000_000, memberPerHour: 1_000_000, historyMax: 100_000 },
  };
}

/** Each conversation sends its messages one after another, never before the last one was acknowledged. */
async function sendAll(world: World, conversations: Conversation[], options: ChaosOptions, random: () => number) {
  const each = Math.ceil(options.messages / conversations.length);
  // Spread over the time that the strikes will take, so that each finds turns to break.
  const overMs = Math.max(8_000, options.strikes * (STRIKE_EVERY_MS + 1_200));
  await Promise.all(
    conversations.map(async (conversation) => {
      for (let n = 1; n <= each; n += 1) {
        await delay((overMs / each) * (0.5 + random()));
        const id = `${conversation.name}-${n}`;
        const kind: Kind =
          random() < 0.12 ? "long" : conversation.channel === "app" && random() < 0.2 ? "equal" : "short";
        const sent = send(world, conversation, questionOf(id, kind));
        const asked = { id, kind, messageId: sent.messageId };
        conversation.asked.push(asked);
        // Refused to the end (Redis was away all the while): it was never handed over, and the member saw that at once.
        const { result } = await sent.outcome;
        if (result !== "accepted") conversation.asked.splice(conversation.asked.indexOf(asked), 1);
        if (conversation.channel !== "app") {
          const { userId } = conversation;
          await until(() => world.platform.interactions(userId) < BOT_INTERACTIONS_MAX, { timeoutMs: SETTLE_MS });
        }
      }
    }),
  );
}

function send(world: World, { channel, userId, chatId }: Conversation, text: string) {
  if (channel === "app") return world.platform.sendAppText({ userId, text });
  if (chatId === undefined) return world.platform.sendBotText({ userId, text });
  return world.platform.sendBotText({ userId, chatId, text: `@应答 ${text}` });
}

interface Run {
  load: Promise<void>;
  fleet: Fleet;
  world: World;
  sentinel: { failOver(): Promise<void> } | null;
  onStrike(name: string): void;
}

async function strikeWhile(
  { load, fleet, world, sentinel, onStrike }: Run,
  options: ChaosOptions,
  random: () => number,
): Promise<ChaosResult["strikes"]> {
  const counts = new Map<string, { name: string; wanted: number; struck: number }>();
  const note = (name: string, struck: boolean): void => {
    const count = counts.get(name) ?? { name, wanted: 0, struck: 0 };
    counts.set(name, { name, wanted: count.wanted + 1, struck: count.struck + (struck ? 1 : 0) });
    options.say?.(`${struck ? "struck" : "nobody came"}: ${name}`);
  };
  let sending = true;
  void load.finally(() => {
    sending = false;
  });
  const steps = stepsInTurn(random);
  for (let n = 0; n < options.strikes && sending; n += 1) {
    await delay(STRIKE_EVERY_MS);
    switch (options.scenario) {
      case "crash": {
        const { value: step } = steps.next();
        const onDeath = (): void => onStrike(step.name);
        note(step.name, await fleet.strike(step, random, onDeath));
        break;
      }
      case "redis-restart":
        onStrike("Redis killed and restarted");
        await world.redis.kill("SIGKILL");
        await delay(pick([50, 300, 1_500], random));
        await world.redis.restart();
        await delay(3_000);
        note("Redis killed and restarted", true);
        break;
      case "sentinel":
        await delay(4_000); // into the load
        onStrike("Redis master killed, replica promoted");
        await sentinel?.failOver();
        note("Redis master killed, replica promoted", true);
        return [...counts.values()];
      case "rolling":
        onStrike("all replicas replaced, one by one");
        await fleet.roll();
        note("all replicas replaced, one by one", true);
        break;
    }
  }
  return [...counts.values()];
}

/** Waits until everything is answered, or until nothing changes any more within the time that is promised. */
async function settle(
  world: World,
  conversations: Conversation[],
  order: Map<string, string[]>,
  options: ChaosOptions,
): Promise<void> {
  const isDone = (): boolean => judgeAll(conversations, world, order).every(({ outcome }) => outcome === "once");
  await until(isDone, { timeoutMs: SETTLE_MS }).catch(() => options.say?.("not everything was answered in time"));
}

function judgeAll(conversations: Conversation[], world: World, order: Map<string, string[]>): Judged[] {
  return conversations.flatMap((one) => judge(one, world.platform, order.get(one.name) ?? []));
}

function markUnderWay(conversations: Conversation[], world: World, step: string): void {
  for (const conversation of conversations) {
    // Answers come in order: what is older than the newest few is answered.
    for (const asked of conversation.asked.slice(-BOT_INTERACTIONS_MAX)) {
      if (!isAnswered(conversation, asked, world.platform)) asked.struckAt = step;
    }
  }
}
