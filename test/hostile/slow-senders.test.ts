import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setInterval as every } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seal } from "../../simulator/platform-crypto.ts";
import { until } from "../support/until.ts";
import { type Replica, startWorld, type World } from "../support/world.ts";

const SOCKETS = 200;
/** Headers have 10 s, bodies 4 s; on top, the interval at which Node looks, and a busy machine. */
const CLOSED_WITHIN_MS = 30_000;
/** WeCom gives up after 5 s. On a quiet machine the slowest takes some 50 ms. */
const ACKNOWLEDGED_WITHIN_MS = 2_000;

let world: World;
let gateway: Replica;
beforeAll(async () => {
  world = await startWorld();
  gateway = await world.startProcess();
}, 60_000);
afterAll(async () => {
  await world.stop();
});

/** Half of them never finish their headers, half never finish the body that they announced. */
async function slowSocket(number: number): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  // The gateway cuts it: that is the point.
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  const query = new URLSearchParams({
    msg_signature: "a".repeat(40),
    timestamp: String(Math.floor(Date.now() / 1000)),
    nonce: "1",
  });
  const path = `/wecom/${number % 4 < 2 ? "app" : "bot"}?${query}`;
  const start = `POST ${path} HTTP/1.1\r\nhost: a\r\n`;
  socket.write(number % 2 === 0 ? `${start}x-slow: ` : `${start}content-length: 10000\r\n\r\n<`);
  return socket;
}

/** An unknown event of the app, rightly signed. Resolves to the time until its 200. */
async function acknowledgedMs(number: number): Promise<number> {
  const { token, aesKey } = world.platform.app;
  const plain = `<xml><MsgType>event</MsgType><Event>none_${number}</Event><FromUserName>u</FromUserName><CreateTime>1</CreateTime></xml>`;
  const { query, ciphertext } = seal({ token, aesKey, receiveId: world.platform.corpId }, plain, Date.now());
  const startMs = performance.now();
  const body = `<xml><Encrypt>${ciphertext}</Encrypt></xml>`;
  const response = await fetch(`${gateway.url}/wecom/app?${query}`, { method: "POST", body });
  expect(response.status).toBe(200);
  return performance.now() - startMs;
}

describe("slow senders", () => {
  test(`${SOCKETS} of them hold up nobody, and all are cut off in time`, async () => {
    const sockets = await Promise.all(Array.from({ length: SOCKETS }, (_, i) => slowSocket(i)));
    let closed = 0;
    for (const socket of sockets) socket.once("close", () => (closed += 1));
    const startMs = performance.now();
    const tookMs: number[] = [];
    for await (const _ of every(300)) {
      // A byte every now and then, so that no idle timer thinks they are gone.
      for (const socket of sockets) if (socket.writable) socket.write("a");
      tookMs.push(await acknowledgedMs(tookMs.length));
      if (closed === SOCKETS || performance.now() - startMs > CLOSED_WITHIN_MS) break;
    }
    const open = SOCKETS - closed;
    for (const socket of sockets) socket.destroy();
    expect(open).toBe(0);
    expect(Math.max(...tookMs)).toBeLessThan(ACKNOWLEDGED_WITHIN_MS);
    expect(tookMs.length).toBeGreaterThan(5);
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, { what: "readiness" });
  }, 60_000);
});
