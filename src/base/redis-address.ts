import { YingdaError } from "./errors.ts";

/** Where Redis is: one server, a Sentinel-watched pair, or a Cluster. */
export type RedisAddress =
  | { kind: "single"; url: string }
  | {
      kind: "sentinel";
      sentinels: HostPort[];
      /** The name under which the sentinels know the master. */
      master: string;
      db: number;
      credentials: Credentials;
    }
  | { kind: "cluster"; nodes: HostPort[]; credentials: Credentials };

export interface HostPort {
  host: string;
  port: number;
}

export interface Credentials {
  username?: string;
  password?: string;
}

const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;
const PORT_MAX = 65_535;

/**
 * Reads `REDIS_URL`:
 * - `redis://[user:password@]host:port/db`, `rediss://…` for TLS
 * - `redis+sentinel://[user:password@]host:port,host:port/master/db`: hosts are sentinels, credentials are Redis's own
 * - `redis+cluster://[user:password@]host:port,host:port`: some nodes, the others are found
 * Throws `bad_config` without quoting the address, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return { kind: "single", url };
  const match = /^redis\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/]+)(?:\/([^/]*))?(?:\/(\d+))?\/?$/.exec(url);
  const [, kind, userInfo, hosts = "", name = "", db = "0"] = match ?? [];
  const credentials = readCredentials(userInfo);
  if (kind === "sentinel" && name !== "") {
    return { kind, sentinels: readHosts(hosts, SENTINEL_PORT), master: name, db: Number(db), credentials };
  }
  if (kind === "cluster" && name === "") return { kind, nodes: readHosts(hosts, REDIS_PORT), credentials };
  throw new YingdaError(
    "bad_config",
    "must look like redis://host:6379/0, rediss://host:6379/0, redis+sentinel://host:26379,host:26379/mymaster/0 or redis+cluster://host:6379,host:6379",
  );
}

/** The host part for logs: no credentials. */
export function redisHosts(address: RedisAddress): string {
  if (address.kind === "single") return new URL(address.url).host;
  const hosts = address.kind === "sentinel" ? address.sentinels : address.nodes;
  return hosts.map(({ host, port }) => `${host}:${port}`).join(",");
}

function readHosts(list: string, defaultPort: number): HostPort[] {
  return list.split(",").map((entry) => {
    const [, host = "", port] = /^(\[[0-9a-fA-F:]+\]|[^:]+)(?::(\d+))?$/.exec(entry.trim()) ?? [];
    if (host === "" || Number(port ?? 0) > PORT_MAX) {
      throw new YingdaError("bad_config", "names a host or port that cannot be; write host:port,host:port");
    }
    return { host: host.replace(/^\[|\]$/g, ""), port: port === undefined ? defaultPort : Number(port) };
  });
}

function readCredentials(userInfo: string | undefined): Credentials {
  if (userInfo === undefined || userInfo === "") return {};
  // Only the first colon divides: a password may have some of its own.
  const colon = userInfo.indexOf(":");
  const username = decoded(colon < 0 ? userInfo : userInfo.slice(0, colon));
  const password = decoded(colon < 0 ? "" : userInfo.slice(colon + 1));
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new YingdaError("bad_config", "has a % in its user or password that encodes nothing; write a % as %25");
  }
}
