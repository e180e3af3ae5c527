import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { startPrivateServer } from "../../scripts/setup/private-server.mjs";

const DEBIAN_HOME = "/usr/lib/postgresql";
const INITDB_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 2_000;

export interface PrivatePostgres {
  /** `postgres://postgres:PASSWORD@127.0.0.1:PORT/postgres` of an empty UTF-8 database. */
  readonly url: string;
  /** Ends the server, open connections included, and removes its folder. */
  stop(): Promise<void>;
  /** Sends the signal to the server; SIGSTOP makes it hang, SIGKILL and `restart` are a crash. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Same address, same data; on return it takes connections. */
  restart(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it runs as the system's own user for it. */
interface Identity {
  uid?: number;
  gid?: number;
}

/**
 * A real PostgreSQL for one test file, tied to its process: free port of 127.0.0.1, new folder, password, no fsync.
 * Null, with one line on stderr, where the system has no PostgreSQL server; the caller then skips its tests.
 */
export async function startPrivatePostgres(): Promise<PrivatePostgres | null> {
  const programs = newestPrograms();
  const identity = await ownIdentity();
  if (programs === null || identity === null) {
    const why = programs === null ? `no server in ${DEBIAN_HOME}` : "we are root, and there is no user postgres";
    process.stderr.write(`No PostgreSQL for tests (${why}); on Debian and Ubuntu: apt-get install postgresql\n`);
    return null;
  }
  const password = randomBytes(12).toString("hex");
  const urlAt = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const server = await startPrivateServer({
    name: "postgres",
    prepare: (folder) => createCluster(programs, folder, password, identity),
    command: (port, folder) => ({
      file: join(programs, "postgres"),
      args: ["-D", join(folder, "data"), "-p", String(port), "-c", "listen_addresses=127.0.0.1", ...settings(folder)],
      env: environment(),
      ...identity,
    }),
    isReady: (port) => answers(urlAt(port)),
    stopSignal: "INT", // "fast": does not wait for clients to leave
  });
  return { url: urlAt(server.port), stop: server.stop, kill: server.kill, restart: server.restart };
}

function settings(folder: string): string[] {
  // The data need not outlive the machine, only the server process, so nothing has to reach the disk.
  const values = ["fsync=off", "full_page_writes=off", `unix_socket_directories=${folder}`];
  return values.flatMap((value) => ["-c", value]);
}

/** The bin folder of the newest version installed. */
function newestPrograms(): string | null {
  if (!existsSync(DEBIAN_HOME)) return null;
  const folders = readdirSync(DEBIAN_HOME)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN_HOME, version, "bin"));
  return folders.find((bin) => existsSync(join(bin, "initdb")) && existsSync(join(bin, "postgres"))) ?? null;
}

async function ownIdentity(): Promise<Identity | null> {
  if (process.getuid?.() !== 0) return {};
  try {
    const [uid, gid] = await Promise.all([idOf("-u"), idOf("-g")]);
    return { uid, gid };
  } catch {
    return null;
  }
}

async function idOf(flag: "-u" | "-g"): Promise<number> {
  const { stdout } = await promisify(execFile)("id", [flag, "postgres"]);
  return Number(stdout);
}

async function createCluster(programs: string, folder: string, password: string, identity: Identity): Promise<void> {
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (identity.uid !== undefined && identity.gid !== undefined) {
    chownSync(folder, identity.uid, identity.gid);
    chownSync(passwordFile, identity.uid, identity.gid);
  }
  chmodSync(folder, 0o700);
  const args = ["-D", join(folder, "data"), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", passwordFile];
  await promisify(execFile)(
    join(programs, "initdb"),
    [...args, "-E", "UTF8", "--locale=C.UTF-8", "--lc-messages=C", "--no-sync", "--no-instructions"],
    { ...identity, cwd: folder, env: environment(), timeout: INITDB_TIMEOUT_MS },
  );
  rmSync(passwordFile);
}

/** None of the caller's PG… variables, which name another server; and messages in English, for the log's reader. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: "C" };
}

/** The password is our server's alone, so a stranger's on the same port does not answer. */
async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => {}); // told by the rejection
  await client.connect();
  await client.end();
  return true;
}
