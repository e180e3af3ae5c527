import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "@jest/globals";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
let world: World;

beforeEach(async () => {
  // The links are renewed after some seconds; WeCom itself goes on for fifteen.
  world = await startWorld({ platform: { timing: { appRetries: 40 } } });
});
afterEach(async () => {
  await world.stop();
});

/** A wire to Redis whose open links can be made to swallow everything, as when a machine dies behind a switch. */
async function startSilencer(port: number) {
  const links = new Set<{ silent: boolean; sockets: Socket[] }>();
  const server = createServer((client) => {
    const redis = connect(port, "127.0.0.1");
    const link = { silent: false, sockets: [client, redis] };
    links.add(link);
    client.on("data", (chunk) => link.silent || redis.write(chunk));
    redis.on("data", (chunk) => link.silent || client.write(chunk));
    for (const socket of link.sockets) {
      socket.on("error", () => undefined);
      // A dead machine says no goodbye either.
      socket.on("close", () => link.silent || link.sockets.forEach((one) => void one.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`,
    silence() {
      for (const link of links) link.silent = true;
    },
    stop() {
      for (const link of links) for (const socket of link.sockets) socket.destroy();
      server.close();
    },
  };
}

test("links to Redis that go silent are renewed within seconds, and messages are answered again", async () => {
  const silencer = await startSilencer(world.redis.port);
  await world.startGateway({ REDIS_URL: silencer.url });
  world.platform.sendAppText({ userId: "zhangsan", text: "先" });
  await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
  silencer.silence();
  world.platform.sendAppText({ userId: "zhangsan", text: "后" });
  await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
  silencer.stop();
}, 60_000);
