import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startPrivateServer } from "../../scripts/setup/private-server.mjs";
import { findRedisServer, redisEnvironment } from "../../scripts/setup/redis-server.mjs";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.ts";
import { until } from "./until.ts";

/** A Redis Cluster of three masters, each with a third of the slots. */
export async function startRedisCluster(): Promise<{ url: string; nodes: PrivateRedis[]; stop(): Promise<void> }> {
  const nodes: PrivateRedis[] = [];
  const busPorts: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const busPort = await freePort();
    busPorts.push(busPort);
    const args = ["--cluster-enabled", "yes", "--cluster-port", String(busPort), "--cluster-node-timeout", "2000"];
    nodes.push(await startPrivateRedis({ appendonly: true, args }));
  }
  const clients = nodes.map((node) => new Redis(node.url));
  const [first] = clients;
  for (const [i, client] of clients.entries()) {
    const from = Math.floor((16_384 / 3) * i);
    const to = Math.floor((16_384 / 3) * (i + 1)) - 1;
    await client.call("CLUSTER", "ADDSLOTSRANGE", from, to);
    if (i > 0) await first?.call("CLUSTER", "MEET", "127.0.0.1", nodes[i]?.port ?? 0, busPorts[i] ?? 0);
  }
  for (const client of clients) {
    await until(async () => String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok"), {
      timeoutMs: 20_000,
      what: "the cluster's agreement",
    });
    client.disconnect();
  }
  return {
    url: `redis+cluster://${nodes.map((node) => `127.0.0.1:${node.port}`).join(",")}`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** A master with one replica, watched by three sentinels that replace it within about two seconds. */
export async function startRedisWithSentinel(): Promise<{
  url: string;
  /** Kills the master without a word and waits until the sentinels have named another. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}> {
  const master = await startPrivateRedis({ appendonly: true });
  const replica = await startPrivateRedis({
    appendonly: true,
    args: ["--replicaof", "127.0.0.1", String(master.port), "--repl-diskless-sync-delay", "0"],
  });
  const asReplica = new Redis(replica.url);
  await until(async () => (await asReplica.info("replication")).includes("master_link_status:up"), {
    timeoutMs: 20_000,
    what: "the replica's link",
  });
  asReplica.disconnect();
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startSentinel(master.port)));
  const clients = sentinels.map(({ port }) => new Redis(port, "127.0.0.1"));
  const currentMaster = async (client: Redis): Promise<number> => {
    const [, port] = (await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")) as [string, string];
    return Number(port);
  };
  for (const client of clients) {
    await until(
      async () => {
        const sees = String(await client.info("sentinel"));
        return sees.includes("slaves=1") && sees.includes("sentinels=3");
      },
      { timeoutMs: 20_000, what: "the sentinels' acquaintance" },
    );
  }
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/mymaster/0`,
    async failOver() {
      await master.kill("SIGKILL");
      for (const client of clients) {
        await until(async () => (await currentMaster(client)) === replica.port, {
          timeoutMs: 30_000,
          what: "the new master",
        });
      }
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await Promise.all([...sentinels, replica, master].map((server) => server.stop()));
    },
  };
}

async function startSentinel(masterPort: number) {
  const { server } = findRedisServer();
  if (server === undefined) throw new Error("no Redis server program was found; run through npm test");
  return startPrivateServer({
    name: "sentinel",
    prepare: (folder) => {
      const lines = [
        `sentinel monitor mymaster 127.0.0.1 ${masterPort} 2`,
        "sentinel down-after-milliseconds mymaster 1000",
        "sentinel failover-timeout mymaster 5000",
      ];
      writeFileSync(join(folder, "sentinel.conf"), `${lines.join("\n")}\n`);
      return Promise.resolve();
    },
    command: (port, folder) => ({
      file: server.path,
      args: [
        join(folder, "sentinel.conf"),
        "--sentinel",
        "--port",
        String(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        folder,
      ],
      env: redisEnvironment(server),
    }),
    isReady: async (port, pid) => {
      const client = new Redis(port, "127.0.0.1", { retryStrategy: () => null, maxRetriesPerRequest: 0 });
      client.on("error", () => undefined);
      try {
        return (await client.info("server")).includes(`process_id:${pid}`);
      } finally {
        client.disconnect();
      }
    },
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
