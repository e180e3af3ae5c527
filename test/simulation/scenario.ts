import type { Random } from "./random.ts";

/** How one conversation reaches us. */
export type ConversationKind = "app" | "bot" | "group";

export interface Arrival {
  atMs: number;
  conversation: number;
  text: string;
  greeting: boolean;
  /** A bot message without a `response_url` has only its bubble. */
  responseUrl: boolean;
}

export type Incident =
  | { atMs: number; kind: "crash" }
  | { atMs: number; kind: "start" }
  | { atMs: number; kind: "freeze"; ms: number }
  | { atMs: number; kind: "stop"; graceMs: number };

export type StoreFate = "ok" | "slow" | "lost before" | "lost after";
export type SendFate =
  | "ok"
  | "slow"
  | "never sent"
  | "lost before"
  | "lost after"
  | "late"
  | "hangs"
  | "busy"
  | "rate limited"
  | "refused";
export type ModelFate = "ok" | "length" | "fails" | "cut" | "stalls" | "filtered" | "empty" | "deaf";

/** Everything about one simulated world that is decided before it begins. Times are milliseconds from its beginning. */
export interface Scenario {
  replicas: number;
  conversations: ConversationKind[];
  arrivals: Arrival[];
  incidents: Incident[];
  /** Processes that end are started again soon, as an orchestrator does. */
  restarts: boolean;
  turnTimeoutMs: number;
  /** From here on nothing fails any more. */
  quietAtMs: number;
  /** Chance of one more delivery of a callback that was answered. */
  redelivery: number;
  /** How long a command and its answer are on their way at most, when nothing is wrong. */
  storeTravelMs: number;
  storeFates: Record<StoreFate, number>;
  storeAway: { fromMs: number; toMs: number }[];
  sendFates: Record<SendFate, number>;
  modelFates: Record<ModelFate, number>;
  /** Times as long as usual the model takes; a slow one outlives a bubble's life. */
  modelSlowness: number;
  /** Most answers take many parts. */
  longAnswers: boolean;
  /** The arrival whose message ends every process that asks the model about it. */
  poison: number | null;
}

/** Texts that the simulated moderator refuses, in a question and in an answer. */
export const REFUSED_WORD = "禁问";

/**
 * Draws a world. Most kinds of trouble are off in most worlds: a few at a time reach further than all of them at once,
 * with which no turn would ever get anywhere.
 */
export function drawScenario(random: Random): Scenario {
  // A world in which answers take as long as a bubble lives.
  const slow = random.chance(0.06);
  const quietAtMs = slow ? random.int(355_000, 400_000) : random.int(5_000, 90_000);
  const conversations = Array.from({ length: random.int(1, 4) }, () =>
    random.pick<ConversationKind>(["app", "app", "bot", "bot", "group"]),
  );
  const poison = random.chance(0.03) ? 0 : null;
  return {
    replicas: random.int(2, 3),
    conversations,
    arrivals: drawArrivals(random, conversations, slow ? 20_000 : quietAtMs * 0.8),
    incidents: random.chance(0.7) ? drawIncidents(random, quietAtMs, slow) : [],
    restarts: poison !== null || random.chance(0.5),
    turnTimeoutMs: slow ? 600_000 : random.pick([8_000, 30_000, 60_000, 120_000]),
    quietAtMs,
    redelivery: random.chance(0.5) ? 0.4 : 0,
    storeTravelMs: random.pick([1, 1, 20, 80]),
    storeFates: drawStoreFates(random),
    storeAway: random.chance(0.25) ? drawAway(random, quietAtMs) : [],
    sendFates: drawSendFates(random),
    modelFates: drawModelFates(random),
    modelSlowness: slow ? random.int(40, 120) : random.pick([0.2, 1, 1, 3]),
    longAnswers: random.chance(0.15),
    poison,
  };
}

function drawArrivals(random: Random, conversations: ConversationKind[], untilMs: number): Arrival[] {
  const withinMs = random.pick([untilMs, untilMs / 10, 500]);
  return Array.from({ length: random.int(1, 12) }, (): Arrival => {
    const conversation = random.int(0, conversations.length - 1);
    const isApp = conversations[conversation] === "app";
    const text = drawText(random);
    return {
      atMs: random.int(0, Math.floor(withinMs)),
      conversation,
      text,
      greeting: isApp && text !== "/stop" && random.chance(0.02),
      responseUrl: random.chance(0.9),
    };
  });
}

function drawText(random: Random): string {
  const kind = random.weighted({ question: 70, stop: 9, retry: 9, new: 7, refused: 3, english: 2 });
  switch (kind) {
    case "stop":
      return "/stop";
    case "retry":
      return "/retry";
    case "new":
      return "新对话";
    case "refused":
      return `${REFUSED_WORD}：这个问题不该问`;
    case "english":
      return "Please explain it once more";
    case "question":
      return random.pick(["请解释一下", "你好", "第二个问题", "帮我写一段说明"]);
  }
}

function drawIncidents(random: Random, untilMs: number, slow: boolean): Incident[] {
  const weights = {
    crash: random.pick([0, 1, 3]),
    freeze: random.pick([0, 1, 3]),
    stop: random.pick([0, 1]),
    start: 1,
  };
  return Array.from({ length: random.int(1, random.pick([3, 8, 20])) }, (): Incident => {
    // In a slow world much of it happens about the end of a bubble's life.
    const atMs = slow && random.chance(0.6) ? random.int(315_000, 350_000) : random.int(0, untilMs);
    const kind = random.weighted(weights);
    if (kind === "freeze") return { atMs, kind, ms: random.int(0, random.pick([2_000, 12_000, 60_000])) };
    if (kind === "stop") return { atMs, kind, graceMs: random.pick([0, 1_000, 25_000]) };
    return kind === "crash" ? { atMs, kind } : { atMs, kind };
  });
}

function drawAway(random: Random, untilMs: number): { fromMs: number; toMs: number }[] {
  return Array.from({ length: random.int(1, 3) }, () => {
    const fromMs = random.int(0, untilMs);
    return { fromMs, toMs: Math.min(untilMs, fromMs + random.int(50, random.pick([800, 5_000, 30_000]))) };
  });
}

function drawStoreFates(random: Random): Record<StoreFate, number> {
  if (random.chance(0.5)) return { ok: 1, slow: 0, "lost before": 0, "lost after": 0 };
  const share = random.pick([0.01, 0.04, 0.15]);
  return {
    ok: 1,
    slow: sometimes(random, share),
    "lost before": sometimes(random, share),
    "lost after": sometimes(random, share),
  };
}

function drawSendFates(random: Random): Record<SendFate, number> {
  const share = random.chance(0.4) ? 0 : random.pick([0.03, 0.1, 0.4]);
  return {
    ok: 1,
    slow: sometimes(random, 2 * share),
    "never sent": sometimes(random, share),
    "lost before": sometimes(random, share),
    "lost after": sometimes(random, 2 * share),
    late: sometimes(random, share),
    hangs: sometimes(random, share / 2),
    busy: sometimes(random, share),
    "rate limited": sometimes(random, share / 2),
    refused: sometimes(random, share / 4),
  };
}

function drawModelFates(random: Random): Record<ModelFate, number> {
  const share = random.chance(0.4) ? 0 : random.pick([0.03, 0.1, 0.4]);
  return {
    ok: 1,
    length: sometimes(random, share),
    fails: sometimes(random, 2 * share),
    cut: sometimes(random, 2 * share),
    stalls: sometimes(random, share),
    filtered: sometimes(random, share / 2),
    empty: sometimes(random, share / 2),
    deaf: sometimes(random, 2 * share),
  };
}

function sometimes(random: Random, share: number): number {
  return random.chance(0.5) ? share : 0;
}
