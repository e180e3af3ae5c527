import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";

export interface StoredToken {
  token: string;
  /** When WeCom says it ends; it may end earlier (wecom-protocol 3.1). */
  expiresAtMs: number;
}

/** Where all processes of the service keep the one token of an app. */
export interface TokenStore {
  read(): Promise<StoredToken | null>;
  write(token: StoredToken): Promise<void>;
  /** Forgets `token`, and only this one: another process may have put a fresh one there. */
  drop(token: string): Promise<void>;
  /** The right to fetch, for at most `ttlMs`, or null when another process has it. Resolves to its release. */
  lock(ttlMs: number): Promise<(() => Promise<void>) | null>;
}

/** Refreshed this early, so that no call starts with a token that ends on the way (wecom-protocol 3.1). */
const REFRESH_EARLY_MS = 5 * 60_000;
/** How long a process believes its own copy before it looks into the store again: another may have dropped the token. */
const COPY_LIFE_MS = 10_000;
/** The longest one refresh may take, fetch included; a hanging platform must not hold every turn. */
const REFRESH_TIMEOUT_MS = 30_000;
/** Longer than a refresh, so that a slow holder does not get company; short enough to get over a dead one. */
const LOCK_TTL_MS = REFRESH_TIMEOUT_MS + 5_000;
/** How often those who did not get the lock look whether the token is there. */
const LOOK_EVERY_MS = 150;
/** A fault that a person must mend is not asked about again sooner: about 2000 failed calls an hour block the corp for one. */
const REFUSAL_LIFE_MS = 60_000;

/**
 * The access token of one app: at most one fetch at a time in this process, by the store's lock also over all of them.
 */
export class AccessTokens {
  readonly #fetchToken: (signal: AbortSignal) => Promise<{ token: string; expiresInS: number }>;
  readonly #store: TokenStore;
  readonly #clock: Clock;
  #copy: { token: string; usableUntilMs: number } | null = null;
  #refreshing: Promise<string> | null = null;
  #refusal: { error: YingdaError; untilMs: number } | null = null;
  #rejected: string | null = null;

  /** `fetchToken` asks WeCom; it has its own retries and deadline and throws YingdaErrors. */
  constructor(options: {
    fetchToken: (signal: AbortSignal) => Promise<{ token: string; expiresInS: number }>;
    store: TokenStore;
    clock: Clock;
  }) {
    this.#fetchToken = options.fetchToken;
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /**
   * A token that WeCom has not been seen to refuse. `signal` ends this caller's wait, not the refresh that others wait for.
   * @throws YingdaError what `fetchToken` or the store threw; for a minute the same again when it is not retryable.
   */
  async get(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const now = this.#clock.nowMs();
    if (this.#copy !== null && now < this.#copy.usableUntilMs) return this.#copy.token;
    if (this.#refusal !== null && now < this.#refusal.untilMs) throw this.#refusal.error;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return untilAborted(this.#refreshing, signal);
  }

  /** WeCom refused `token` (40014, 42001): no process is to use it again. */
  async reject(token: string): Promise<void> {
    this.#rejected = token;
    if (this.#copy?.token === token) this.#copy = null;
    await this.#store.drop(token);
  }

  async #refresh(): Promise<string> {
    const signal = AbortSignal.timeout(REFRESH_TIMEOUT_MS);
    try {
      return await this.#shared(signal);
    } catch (error) {
      throw signal.aborted ? tookTooLong() : error;
    }
  }

  async #shared(signal: AbortSignal): Promise<string> {
    const givenUpAtMs = this.#clock.nowMs() + REFRESH_TIMEOUT_MS;
    for (;;) {
      const stored = await this.#read();
      if (stored !== null && this.#isFresh(stored)) return this.#keep(stored);
      const release = await this.#store.lock(LOCK_TTL_MS);
      if (release !== null) return this.#fetchLocked(signal, release);
      // Somebody else fetches. What is there serves until then, if it still lives.
      if (stored !== null) return this.#keep(stored);
      if (this.#clock.nowMs() >= givenUpAtMs) throw tookTooLong();
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #fetchLocked(signal: AbortSignal, release: () => Promise<void>): Promise<string> {
    try {
      // Between our look and our lock another process may have finished.
      const stored = await this.#read();
      if (stored !== null && this.#isFresh(stored)) return this.#keep(stored);
      return await this.#fetch(stored, signal);
    } finally {
      // The lock ends by itself; a token that is already there must not be lost over it.
      await release().catch(() => undefined);
    }
  }

  async #fetch(old: StoredToken | null, signal: AbortSignal): Promise<string> {
    let fetched: { token: string; expiresInS: number };
    try {
      fetched = await this.#fetchToken(signal);
      this.#refusal = null;
    } catch (error) {
      // The old token has minutes left: better than no answer. The next look, ten seconds on, tries again.
      if (old !== null) return this.#keep(old);
      if (error instanceof YingdaError && !error.retryable) {
        this.#refusal = { error, untilMs: this.#clock.nowMs() + REFUSAL_LIFE_MS };
      }
      throw error;
    }
    const stored = { token: fetched.token, expiresAtMs: this.#clock.nowMs() + fetched.expiresInS * 1000 };
    // WeCom may give the same token again, and then it holds again.
    this.#rejected = null;
    // The token is good though the store is away; whoever needs the store hears of that from it.
    await this.#store.write(stored).catch(() => undefined);
    return this.#keep(stored);
  }

  /** The stored token unless it has ended, or was refused here and is still there because the two crossed. */
  async #read(): Promise<StoredToken | null> {
    const stored = await this.#store.read();
    if (stored === null || stored.token === this.#rejected) return null;
    return stored.expiresAtMs > this.#clock.nowMs() ? stored : null;
  }

  #isFresh(stored: StoredToken): boolean {
    return stored.expiresAtMs - this.#clock.nowMs() > REFRESH_EARLY_MS;
  }

  #keep(stored: StoredToken): string {
    const usableUntilMs = Math.min(this.#clock.nowMs() + COPY_LIFE_MS, stored.expiresAtMs);
    if (stored.token !== this.#rejected) this.#copy = { token: stored.token, usableUntilMs };
    return stored.token;
  }
}

function tookTooLong(): YingdaError {
  return new YingdaError(
    "wecom_unreachable",
    `no access token within ${REFRESH_TIMEOUT_MS / 1000} s: WeCom's gettoken or the store hangs`,
    { retryable: true },
  );
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // The refresh goes on for the others; its failure is theirs to see.
    promise.catch(() => undefined);
  }
}
