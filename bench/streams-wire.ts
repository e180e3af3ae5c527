import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What the processes of the `streams` benchmark say to each other. */

export const TOKENS_PER_SECOND = 30;
/** An answer as a model writes it, without a hit of the built-in policy; all characters have three bytes. */
const TEXT =
  "好的，这是会议纪要的要点。第一，新的流程从下个月开始试用，各组先选一个项目。第二，培训材料由行政同事整理，周五之前放到共享文件夹。" +
  "第三，试用期间每周收集一次意见，遇到问题先记录，再统一讨论。下一步，请大家确认自己的时间，如果有冲突，请提前说明，以便调整安排。";
/** Two characters each, all of the same size: a length tells how many there are. */
export const TOKENS = TEXT.match(/../gsu) ?? [];
export const TOKEN_UNITS = 2;
export const TOKEN_BYTES = 6;

export type Asked = { id: number } & Task;
export type Task =
  | { task: "usage" }
  | { task: "waiting" }
  | { task: "speak"; tokens: number }
  | { task: "read"; url: string; names: string[] }
  | { task: "watch"; redisUrl: string; streams: [name: string, streamId: string][]; tokens: number };

export interface Usage {
  cpuMs: number;
  rssMiB: number;
}

/** By the name of a stream: a time for each of its tokens. */
export type Times = Map<string, Float64Array>;

/** Of the clock that all processes of one machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A process of the benchmark, seen from the one that leads. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  /** What it said first: where it listens. */
  hello = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", ({ id, result }: { id: number; result: unknown }) => {
      this.#open.get(id)?.resolve(result);
      this.#open.delete(id);
    });
    child.on("exit", (code) => {
      for (const { reject } of this.#open.values()) reject(new Error(`a process of the benchmark ended with ${code}`));
    });
  }

  /** Resolves once it is there. */
  static async start(kind: string, env: Record<string, string>): Promise<Peer> {
    const child = fork(new URL("./streams-process.ts", import.meta.url), [kind], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // Times go as arrays of numbers, not as text.
      serialization: "advanced",
    });
    const peer = new Peer(child);
    peer.hello = (await peer.#answerOf(0)) as string;
    return peer;
  }

  async ask<T>(task: Task): Promise<T> {
    this.#lastId += 1;
    const answer = this.#answerOf(this.#lastId);
    this.#child.send({ ...task, id: this.#lastId } satisfies Asked);
    return answer as Promise<T>;
  }

  async usage(): Promise<Usage> {
    return this.ask<Usage>({ task: "usage" });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }

  async #answerOf(id: number): Promise<unknown> {
    const open = Promise.withResolvers<unknown>();
    this.#open.set(id, open);
    return open.promise;
  }
}
