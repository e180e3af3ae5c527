import { createHash } from "node:crypto";
import { BoundedMap } from "./bounded-log.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DUPLICATE_INTERVAL_DEFAULT_SECONDS = 1_800;
const DUPLICATE_INTERVAL_MAX_SECONDS = 4 * 3_600;
/** Requests remembered for the duplicate check; at 30 a minute and member that is hours of a laptop's traffic. */
const REQUESTS_MAX = 50_000;

/** How many messages one member had from the app (wecom-protocol 3.3): past a window's limit the excess is dropped. */
export class MemberWindows {
  readonly #perMinute: number;
  readonly #perHour: number;
  readonly #sentAtMs = new Map<string, number[]>();

  constructor(perMinute: number, perHour: number) {
    this.#perMinute = perMinute;
    this.#perHour = perHour;
  }

  /** Counts one message to the member, or says which window is full. A dropped message does not count. */
  take(userId: string, nowMs: number): "ok" | "minute_limit" | "hour_limit" {
    const key = userId.toLowerCase();
    const recent = (this.#sentAtMs.get(key) ?? []).filter((atMs) => atMs > nowMs - HOUR_MS);
    this.#sentAtMs.set(key, recent);
    if (recent.length >= this.#perHour) return "hour_limit";
    if (recent.filter((atMs) => atMs > nowMs - MINUTE_MS).length >= this.#perMinute) return "minute_limit";
    recent.push(nowMs);
    return "ok";
  }
}

/** `enable_duplicate_check`: the identical request JSON within the interval is accepted and not delivered again (3.2). */
export class DuplicateCheck {
  readonly #firstAtMs = new BoundedMap<string, number>(REQUESTS_MAX);

  /** Whether this very body was accepted within `intervalSeconds` (default 1800, at most 4 hours); notes it if not. */
  isRepeat(body: Buffer, intervalSeconds: number | undefined, nowMs: number): boolean {
    const seconds = Math.min(intervalSeconds ?? DUPLICATE_INTERVAL_DEFAULT_SECONDS, DUPLICATE_INTERVAL_MAX_SECONDS);
    const key = createHash("sha256").update(body).digest("base64");
    const firstAtMs = this.#firstAtMs.get(key);
    if (firstAtMs !== undefined && nowMs - firstAtMs < seconds * 1000) return true;
    this.#firstAtMs.set(key, nowMs);
    return false;
  }
}
