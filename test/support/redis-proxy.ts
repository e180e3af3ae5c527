import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A moment in the traffic between one process and Redis: a script is about to be sent, or its answer is about to be seen. */
export interface WireMoment {
  sha: string;
  when: "before" | "after";
}

/** Stands between one process of the service and its Redis, and strikes at a named moment. */
export interface RedisProxy {
  url: string;
  /**
   * Calls `strike` once, at the next such moment. `before`: the script has not reached Redis and never will. `after`: it is
   * done, and its answer (with whatever else was on that wire) never reaches the process. The process is expected to die.
   */
  arm(moment: WireMoment, strike: () => void): void;
  disarm(): void;
  stop(): Promise<void>;
}

/** A script's hash may be cut by the edge of two packets; so many bytes of the last one are looked at again. */
const OVERLAP_BYTES = 64;

export async function startRedisProxy(target: { port: number }): Promise<RedisProxy> {
  let armed: { moment: WireMoment; strike: () => void } | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(target.port, "127.0.0.1");
    let tail = "";
    /** Set once the moment has come on this wire: nothing passes any more. */
    let cut = false;
    let strikeOnAnswer: (() => void) | null = null;
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on("error", () => undefined); // the other side's close is the news
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => {
      if (cut) return;
      const text = tail + chunk.toString("latin1");
      tail = text.slice(-OVERLAP_BYTES);
      if (armed !== null && text.includes(armed.moment.sha)) {
        const { moment, strike } = armed;
        armed = null;
        if (moment.when === "before") {
          cut = true;
          strike();
          return;
        }
        strikeOnAnswer = strike;
      }
      redis.write(chunk);
    });
    redis.on("data", (chunk: Buffer) => {
      if (strikeOnAnswer !== null) {
        cut = true;
        strikeOnAnswer();
        strikeOnAnswer = null;
      }
      if (!cut) client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}/0`,
    arm(moment, strike) {
      armed = { moment, strike };
    },
    disarm() {
      armed = null;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
