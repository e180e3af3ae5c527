import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Gateway } from "../../src/gateway.ts";
import { startWorld, type World } from "../support/world.ts";

/** What no HTTP client would write, sent over bare sockets: broken targets, hosts and framing. */

const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);
/** Longer than a body may take. */
const ANSWER_MS_MAX = 8_000;

interface RawCase {
  name: string;
  lines?: string[];
  base64?: string;
  /** `null`: the connection is closed without a word. */
  status: number | null;
  /** Node's parser answers, and has no JSON. */
  byNode?: boolean;
}

const CASES = JSON.parse(readFileSync(join(import.meta.dirname, "corpus", "raw-http.json"), "utf8")) as RawCase[];

let world: World;
let gateway: Gateway;
beforeAll(async () => {
  world = await startWorld();
  gateway = await world.startGateway();
}, 60_000);
afterAll(async () => {
  await world.stop();
});

/** Sends the bytes and reads until there is a whole answer, or the other side closes. */
async function answerTo(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    if (isWhole(Buffer.concat(chunks).toString("latin1"))) resolve();
  });
  // A reset is followed by a close.
  socket.on("error", () => undefined);
  socket.on("close", () => resolve());
  socket.setTimeout(ANSWER_MS_MAX, () => reject(new Error("no answer")));
  socket.on("connect", () => socket.write(bytes));
  try {
    await promise;
  } finally {
    socket.destroy();
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isWhole(answer: string): boolean {
  const [head = "", body] = answer.split("\r\n\r\n");
  if (body === undefined) return false;
  if (/^transfer-encoding: chunked$/im.test(head)) return body.endsWith("0");
  const [, length] = /^content-length: (\d+)$/im.exec(head) ?? [];
  return length !== undefined && body.length >= Number(length);
}

function statusOf(answer: string): number | null {
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  return status === undefined ? null : Number(status);
}

function bytesOf({ lines, base64 }: RawCase): Buffer {
  if (base64 !== undefined) return Buffer.concat([Buffer.from(base64, "base64"), Buffer.from("\r\n\r\n")]);
  const query = `msg_signature=${"a".repeat(40)}&timestamp=1&nonce=1`;
  const text = (lines ?? []).join("\r\n").replace("SIGNED", query);
  // A body ends where it ends; headers end with an empty line.
  return Buffer.from(text.includes("\r\n\r\n") ? text : `${text}\r\n\r\n`, "latin1");
}

function errorLines(): unknown[] {
  return world.logLines.filter(({ level }) => level === "error" || level === "fatal");
}

async function expectAnswered(raw: RawCase): Promise<void> {
  const answer = await answerTo(bytesOf(raw));
  expect([raw.name, statusOf(answer)]).toEqual([raw.name, raw.status]);
  if (raw.status === null) expect(answer).toBe("");
  else if (raw.byNode !== true) {
    expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toEqual({
      error: { code: expect.stringMatching(/^[a-z_]+$/), message: expect.any(String) },
    });
  }
  expect(answer).not.toMatch(/\bat .+:\d+|node_modules|\.ts\b/);
  expect(errorLines()).toEqual([]);
}

/** Silent in the middle of a body: the answer comes when their time is over. */
const SILENT = CASES.filter(({ status }) => status === 408);
const QUICK = CASES.filter(({ status }) => status !== 408);

describe("broken HTTP", () => {
  test.each(QUICK)("$name", expectAnswered);

  test("bodies that stop coming are answered with 408", async () => {
    expect(SILENT.length).toBeGreaterThan(1);
    await Promise.all(SILENT.map(expectAnswered));
  }, 15_000);

  test(`no mutation of them is a fault of ours (seed ${SEED})`, async () => {
    const piece = fc.constantFrom(..."#|?|//|\\|%|%00|[|]|@|:|\u0000|\r\n|\n|\t| |é|http://|*|;|..".split("|"));
    const mutation = fc.record({
      base: fc.constantFrom(...QUICK.map((raw) => bytesOf(raw).toString("latin1"))),
      at: fc.nat(120),
      put: fc.array(piece, { maxLength: 3 }),
      leaveOut: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ base, at, put, leaveOut }) => {
        const text = base.slice(0, at) + put.join("") + base.slice(at + leaveOut);
        // An empty line at the end twice: whatever was broken before it, the parser has something to say.
        const status = statusOf(await answerTo(Buffer.from(`${text}\r\n\r\nx\r\n\r\n`, "latin1")));
        expect(status ?? 0).toBeLessThan(500);
        expect(errorLines()).toEqual([]);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  }, 60_000);

  test("after all of it the service answers as before", async () => {
    expect(await world.platform.verifyUrl("app")).toMatchObject({ ok: true });
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  });
});
