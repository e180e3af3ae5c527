import type { World } from "./world.ts";

const WAIT_MS = 30_000;

/** One member's talk with the bot, the same for every channel. */
export interface Chat {
  /** Says something and resolves with the whole answer to it. */
  ask(text: string): Promise<string>;
  /** Says something and resolves once the service has it, without waiting for the answer. */
  say(text: string): Promise<{ answer(): Promise<string> }>;
  /** Delivers what was said last once more, as WeCom does when it is unsure. */
  again(): Promise<unknown>;
}

/** A way into WeCom, and how a test talks over it. */
export interface ChatChannel {
  name: "app" | "bot" | "socket";
  /** What `startWorld` needs for it. */
  world: { bot?: "bot" | "socket" };
  /** Ready to be written to. */
  ready(world: World): Promise<unknown>;
  chat(world: World, userId: string): Chat;
}

export const CHAT_CHANNELS: readonly ChatChannel[] = [
  { name: "app", world: {}, ready: () => Promise.resolve(), chat: appChat },
  {
    name: "bot",
    world: {},
    ready: () => Promise.resolve(),
    chat: (world, userId) =>
      bubbleChat(
        world,
        (text) => world.platform.sendBotText({ userId, text }),
        (messageId) => world.platform.redeliver("bot", messageId),
      ),
  },
  {
    name: "socket",
    world: { bot: "socket" },
    ready: (world) => world.platform.socket.waitForConnection(WAIT_MS),
    chat: (world, userId) =>
      bubbleChat(
        world,
        (text) => world.platform.socket.sendText({ userId, text }),
        (messageId) => world.platform.socket.redeliver(messageId),
      ),
  },
];

/** The app answers by messages; of what is said here each answer is one, and they come in order. */
function appChat(world: World, userId: string): Chat {
  const { platform } = world;
  let last = "";
  let said = 0;
  const say: Chat["say"] = async (text) => {
    const before = said;
    said += 1;
    const { messageId, outcome } = platform.sendAppText({ userId, text });
    last = messageId;
    await outcome;
    return {
      async answer() {
        await platform.waitForAppMessages(userId, before + 1, WAIT_MS);
        return platform.inbox(userId)[before]?.text ?? "";
      },
    };
  };
  return { say, ask: async (text) => (await say(text)).answer(), again: () => platform.redeliver("app", last) };
}

function bubbleChat(
  { platform }: World,
  send: (text: string) => { messageId: string; outcome: Promise<unknown> },
  redeliver: (messageId: string) => Promise<unknown>,
): Chat {
  let last = "";
  const say: Chat["say"] = async (text) => {
    const { messageId, outcome } = send(text);
    last = messageId;
    await outcome;
    return { answer: async () => (await platform.waitForBubble(messageId, { finished: true }, WAIT_MS)).content };
  };
  return { say, ask: async (text) => (await say(text)).answer(), again: () => redeliver(last) };
}
