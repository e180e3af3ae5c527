import { Agent, request } from "node:http";
import { ERROR_STATUS, type ErrorCode } from "../../src/base/errors.ts";
import { CANARY_TEXT, type HostileRequest } from "./requests.ts";

/** What a caller that floods us would keep open. */
const AT_ONCE = 8;
/** WeCom waits 5 s for an answer; a request that stops everything for longer shows here. */
const ANSWER_MS_MAX = 5_000;

export interface Answer {
  status: number;
  text: string;
}

/** A caller with a few connections of its own that judges every answer by what its request deserves. */
export class HostileCaller {
  readonly #url: URL;
  readonly #secrets: readonly string[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  #sent = 0;
  #slowestMs = 0;

  /** `secrets` may be in no answer. */
  constructor(url: string, secrets: readonly string[]) {
    this.#url = new URL(url);
    this.#secrets = secrets;
  }

  get sent(): number {
    return this.#sent;
  }

  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** Sends one request as it is; an answer that comes before the body is out counts. */
  async send(hostile: Omit<HostileRequest, "name" | "statuses">): Promise<Answer> {
    const startMs = performance.now();
    const answer = await this.#exchange(hostile);
    this.#sent += 1;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs);
    return answer;
  }

  /** Sends them all, some at once, and returns what was wrong with the answers. */
  async sendAll(requests: Iterable<HostileRequest>): Promise<string[]> {
    const faults: string[] = [];
    const queue = requests[Symbol.iterator]();
    const sender = async (): Promise<void> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        try {
          const fault = this.#faultOf(next.value, await this.send(next.value));
          if (fault !== undefined) faults.push(fault);
        } catch (error) {
          faults.push(`${next.value.method} ${next.value.name}: no answer, ${String(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    return faults;
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(hostile: Omit<HostileRequest, "name" | "statuses">): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const body = hostile.body ?? "";
    const length = hostile.chunked === true ? {} : { "content-length": Buffer.byteLength(body) };
    const outgoing = request(
      {
        hostname: this.#url.hostname,
        port: this.#url.port,
        agent: this.#agent,
        method: hostile.method,
        path: hostile.target,
        headers: { ...hostile.headers, ...length },
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
    return promise;
  }

  /** What is wrong with an answer; undefined for a right one. */
  #faultOf(hostile: HostileRequest, { status, text }: Answer): string | undefined {
    const at = `${hostile.method} ${hostile.name} (${hostile.target.slice(0, 60)})`;
    if (!hostile.statuses.includes(status)) return `${at}: ${status} ${text.slice(0, 100)}`;
    if (this.#secrets.some((secret) => text.includes(secret))) return `${at}: gives a secret away`;
    if (text.includes(CANARY_TEXT)) return `${at}: gives a text back`;
    if (/\bat .+:\d+|node:|node_modules|\.ts\b/.test(text)) return `${at}: shows a stack`;
    if (status < 400 || hostile.refusedByParser === true) return undefined;
    const code = codeOf(text);
    if (ERROR_STATUS[code as ErrorCode] !== status) return `${at}: ${status} with the code ${code}`;
    if (hostile.code !== undefined && code !== hostile.code) return `${at}: ${code} instead of ${hostile.code}`;
    return undefined;
  }
}

function codeOf(text: string): string {
  return (JSON.parse(text) as { error: { code: string } }).error.code;
}
