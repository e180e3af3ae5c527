import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ChatMessage } from "../../src/llm/chat-model.ts";
import { TokenScale } from "../../src/llm/token-scale.ts";
import { silentLog } from "../support/messages.ts";

/** What is said there costs a hundred estimated tokens. */
const PROMPT: ChatMessage[] = [{ role: "user", content: "你好" }];

let server: Server;
let asked: { url: string; body: unknown }[];
let reply: () => { status?: number; body: string };
const clock = { nowMs: 0 };

beforeEach(async () => {
  asked = [];
  clock.nowMs = 0;
  server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      asked.push({ url: request.url ?? "", body: JSON.parse(Buffer.concat(chunks).toString()) });
      const { status = 200, body } = reply();
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

function scale(): TokenScale {
  const { port } = server.address() as AddressInfo;
  return new TokenScale({
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey: null,
    model: "m",
    estimate: () => 100,
    clock: { nowMs: () => clock.nowMs, sleep: () => Promise.resolve() },
    log: silentLog,
  });
}

async function sample(tokens: TokenScale, counts: number[]): Promise<void> {
  for (const count of counts) {
    reply = () => ({ body: JSON.stringify({ count, tokens: [1] }) });
    tokens.sample(PROMPT);
    await tokens.settled();
    clock.nowMs += 15_000;
  }
}

describe("the scale of a model's tokens", () => {
  test("is asked for at the root beside /v1, with the messages, and at most every fifteen seconds", async () => {
    const tokens = scale();
    await sample(tokens, [100]);
    clock.nowMs -= 1;
    tokens.sample(PROMPT);
    await tokens.settled();
    expect(asked).toEqual([{ url: "/tokenize", body: { model: "m", messages: PROMPT, add_generation_prompt: true } }]);
  });

  test("goes up at once for a vocabulary that needs more than the estimate, with a margin, and not down again", async () => {
    const tokens = scale();
    expect(tokens.factor).toBe(1);
    await sample(tokens, [120]);
    expect(tokens.factor).toBeCloseTo(1.35);
    await sample(tokens, [60, 60, 60, 60, 60]);
    expect(tokens.factor).toBeCloseTo(1.35);
  });

  test("goes down after five samples, no further than the dearest of them and a tenth at most", async () => {
    const cheap = scale();
    await sample(cheap, [50, 50, 50, 50]);
    expect(cheap.factor).toBe(1);
    await sample(cheap, [50]);
    expect(cheap.factor).toBeCloseTo(0.9);
    const mixed = scale();
    await sample(mixed, [50, 86, 50, 50, 50]);
    expect(mixed.factor).toBeCloseTo(0.95);
  });

  test("stays one, and the server is left alone, where it does not count", async () => {
    const answers = [{ status: 404, body: '{"detail":"Not Found"}' }, { body: "<html>" }, { body: '{"count":"many"}' }];
    const tokens = scale();
    for (let n = 0; n < 6; n += 1) {
      reply = () => answers[n % 3] ?? { body: "" };
      tokens.sample(PROMPT);
      await tokens.settled();
      clock.nowMs += 15_000;
    }
    expect(asked).toHaveLength(3);
    expect(tokens.factor).toBe(1);
  });
});
