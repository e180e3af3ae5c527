import { createHash } from "node:crypto";
import type { RedisConnection } from "./redis.ts";

/** What a script may answer. */
export type ScriptValue = string | number | null | ScriptValue[];

/** One Lua script: sent by its hash, and whole when Redis does not know it (first use, restart, failover). */
export class Script {
  readonly #lua: string;
  /** By which Redis knows it, and a test recognises it on the wire. */
  readonly sha: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.sha = createHash("sha1").update(lua).digest("hex");
  }

  async run(redis: RedisConnection, keys: string[], args: (string | number)[]): Promise<ScriptValue> {
    try {
      return (await redis.evalsha(this.sha, keys.length, ...keys, ...args)) as ScriptValue;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return (await redis.eval(this.#lua, keys.length, ...keys, ...args)) as ScriptValue;
    }
  }
}
