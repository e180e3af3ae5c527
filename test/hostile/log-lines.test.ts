import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createLogger } from "../../src/base/logger.ts";
import type { ChatEvent, ChatModel } from "../../src/llm/chat-model.ts";
import { startWorld, type World } from "../support/world.ts";

const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);
const WAIT_MS = 20_000;

/** Everything at which some viewer begins a new line, or which a terminal obeys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is meant
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function written(log: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  log(createLogger("trace", { write: (line) => void lines.push(line) }));
  return lines;
}

describe("a log line", () => {
  test(`stays one line, and gives every value back, whatever stands in it (seed ${SEED})`, () => {
    const hostile = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            "\n",
            "\r\n",
            "\u0085",
            "\u2028",
            "\u2029",
            "\u001b[2K",
            "\u009b1G",
            "\u007f",
            "\u0000",
            '"}',
          ),
          fc.constantFrom('{"level":"fatal","msg":"forged"}', "\\u2028", "\\n", "\ud800", "词"),
          fc.string(),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(hostile, hostile, hostile, (value, name, message) => {
        const [line = "", ...more] = written((log) => log.info({ userId: value, deep: { [name]: [value] } }, message));
        expect(more).toEqual([]);
        expect(line.endsWith("\n")).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(DANGEROUS);
        const entry = JSON.parse(line) as Record<string, unknown>;
        expect([entry.level, entry.userId, entry.msg]).toEqual(["info", value, message]);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  test("keeps what was redacted by name to itself, at the top and one below", () => {
    const fields = {
      token: "canary",
      aesKey: "canary",
      text: "canary",
      responseUrl: "canary",
      authorization: "canary",
    };
    const [line = ""] = written((log) => log.info({ ...fields, message: fields }, "m"));
    expect(line).not.toContain("canary");
  });
});

describe("a turn that breaks in our own code", () => {
  const KEY = "sk-canaryKeyInError";
  const QUESTION = "金丝雀问题 canaryQuestion";
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  }, 30_000);
  afterAll(async () => {
    await world.stop();
  });

  test.each([
    ["an error", (prompt: string) => new Error(`${prompt} Bearer ${KEY}`)],
    ["an error of many lines", (prompt: string) => new Error(`oops\n${prompt}\n    at ${KEY} (${KEY}:1:1)`)],
    [
      "JSON that is none",
      (prompt: string) => new SyntaxError(`Unexpected token, "${prompt} ${KEY}" is not valid JSON`),
    ],
    ["a type error", (prompt: string) => new TypeError(`cannot send "${prompt} Bearer ${KEY}"`)],
    ["an error with causes", (prompt: string) => new Error(KEY, { cause: new Error(prompt) })],
    [
      "an error with a prompt for a name",
      (prompt: string) => Object.assign(new Error("x"), { name: prompt, code: KEY }),
    ],
    ["several errors at once", (prompt: string) => new AggregateError([new Error(prompt)], `${KEY} ${prompt}`)],
    ["no error but a text", (prompt: string) => `${prompt} ${KEY}`],
    ["no error but an object", (prompt: string) => ({ message: prompt, token: KEY, toString: () => prompt })],
  ])("by %s: one apology, and the log tells neither the prompt nor the key", async (_how, thrown) => {
    const model: ChatModel = {
      // biome-ignore lint/correctness/useYield: it breaks before its first event
      async *stream(request): AsyncGenerator<ChatEvent> {
        // oxlint-disable-next-line typescript/only-throw-error -- libraries do throw things that are no errors
        throw thrown(JSON.stringify(request.messages));
      },
      health: () => ({ endpoints: [], waiting: 0 }),
    };
    const gateway = await world.startGateway({ OPENAI_API_KEY: KEY }, { model });
    world.logLines.length = 0;
    const { messageId } = world.platform.sendBotText({ userId: "zhangsan", text: QUESTION });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toMatch(/抱歉/);
    const log = JSON.stringify(world.logLines);
    expect(log).toContain("a turn failed in our own code");
    for (const canary of [KEY, "canaryQuestion", "金丝雀", "应答”，公司企业微信"]) {
      expect([canary, log.includes(canary), bubble.content.includes(canary)]).toEqual([canary, false, false]);
    }
    world.forget(gateway.url);
    await gateway.stop();
  });
});
