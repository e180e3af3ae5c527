import { setImmediate as turnOfLoop } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import { AccessTokens, type StoredToken, type TokenStore } from "../../src/wecom/access-token.ts";
import { steppedClock } from "../support/wecom-api-server.ts";

const LIFE_S = 7200;
const MINUTE_MS = 60_000;
const never = new AbortController().signal;

/** One store that several processes share, as Redis is. */
class SharedStore implements TokenStore {
  stored: StoredToken | null = null;
  isLocked = false;
  writes = 0;
  isAway = false;

  async read(): Promise<StoredToken | null> {
    await turnOfLoop();
    if (this.isAway) throw new YingdaError("store_unavailable", "the store is away", { retryable: true });
    return this.stored;
  }

  async write(token: StoredToken): Promise<void> {
    await turnOfLoop();
    this.stored = token;
    this.writes += 1;
  }

  async drop(token: string): Promise<void> {
    await turnOfLoop();
    if (this.stored?.token === token) this.stored = null;
  }

  async lock(): Promise<(() => Promise<void>) | null> {
    await turnOfLoop();
    if (this.isLocked) return null;
    this.isLocked = true;
    return async () => {
      this.isLocked = false;
    };
  }
}

function service(options: { processes?: number; fetchToken?: (nth: number) => Promise<string> } = {}) {
  const clock = steppedClock();
  const store = new SharedStore();
  const fetched: string[] = [];
  const fetchToken = async () => {
    const token = await (options.fetchToken?.(fetched.length + 1) ?? Promise.resolve(`token-${fetched.length + 1}`));
    fetched.push(token);
    return { token, expiresInS: LIFE_S };
  };
  const processes = Array.from(
    { length: options.processes ?? 1 },
    () => new AccessTokens({ fetchToken, store, clock }),
  );
  const [tokens = new AccessTokens({ fetchToken, store, clock })] = processes;
  return { clock, store, fetched, processes, tokens };
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
}

describe("AccessTokens", () => {
  test("a hundred callers in one process share one fetch", async () => {
    const { tokens, fetched } = service();
    const all = await Promise.all(Array.from({ length: 100 }, () => tokens.get(never)));
    expect(new Set(all)).toEqual(new Set(["token-1"]));
    expect(fetched).toEqual(["token-1"]);
  });

  test("several processes share one fetch, and those without the lock wait for the store", async () => {
    const release = Promise.withResolvers<string>();
    const { processes, fetched, store } = service({ processes: 5, fetchToken: () => release.promise });
    const all = Promise.all(processes.flatMap((tokens) => [tokens.get(never), tokens.get(never)]));
    for (let turn = 0; turn < 20; turn += 1) await turnOfLoop();
    release.resolve("shared");
    expect(new Set(await all)).toEqual(new Set(["shared"]));
    expect(fetched).toEqual(["shared"]);
    expect([store.writes, store.isLocked]).toEqual([1, false]);
  });

  test("a process that starts later takes the stored token and fetches none", async () => {
    const { processes, fetched } = service({ processes: 2 });
    for (const tokens of processes) expect(await tokens.get(never)).toBe("token-1");
    expect(fetched).toHaveLength(1);
  });

  test("the token is renewed five minutes before its end, not earlier", async () => {
    const { tokens, clock, fetched } = service();
    await tokens.get(never);
    clock.now += LIFE_S * 1000 - 5 * MINUTE_MS - 1000;
    expect(await tokens.get(never)).toBe("token-1");
    clock.now += 11_000;
    expect(await tokens.get(never)).toBe("token-2");
    expect(fetched).toHaveLength(2);
  });

  test("while another process renews, the old token serves as long as it lives", async () => {
    const { processes, clock, store } = service({ processes: 2 });
    await processes[0]?.get(never);
    clock.now += LIFE_S * 1000 - 2 * MINUTE_MS;
    store.isLocked = true;
    expect(await processes[1]?.get(never)).toBe("token-1");
  });

  test("when renewing fails and the old token still lives, it serves", async () => {
    const { tokens, clock } = service({
      fetchToken: async (nth) => {
        if (nth > 1) throw new YingdaError("wecom_unreachable", "away", { retryable: true });
        return "token-1";
      },
    });
    await tokens.get(never);
    clock.now += LIFE_S * 1000 - MINUTE_MS;
    expect(await tokens.get(never)).toBe("token-1");
    clock.now += 2 * MINUTE_MS;
    expect(codeOf(await failureOf(tokens.get(never)))).toBe("wecom_unreachable");
  });

  test("a rejected token is dropped everywhere: this process at once, the others within ten seconds", async () => {
    const { processes, clock, fetched } = service({ processes: 2 });
    const [first, second] = processes;
    await first?.get(never);
    await second?.get(never);
    await first?.reject("token-1");
    expect(await first?.get(never)).toBe("token-2");
    clock.now += 10_000;
    expect(await second?.get(never)).toBe("token-2");
    expect(fetched).toHaveLength(2);
  });

  test("rejecting an old token does not cost the others the fresh one", async () => {
    const { processes, fetched } = service({ processes: 2 });
    const [first, second] = processes;
    await first?.get(never);
    await second?.get(never);
    await first?.reject("token-1");
    await first?.get(never);
    await second?.reject("token-1");
    expect(await second?.get(never)).toBe("token-2");
    expect(fetched).toHaveLength(2);
  });

  test("a rejected token that the store still shows is not used", async () => {
    const { tokens, store } = service();
    await tokens.get(never);
    const dropped = Promise.withResolvers<void>();
    store.drop = () => dropped.promise;
    const rejecting = tokens.reject("token-1");
    expect(await tokens.get(never)).toBe("token-2");
    dropped.resolve();
    await rejecting;
  });

  test("a token that another process stored between the look and the lock is taken, not fetched again", async () => {
    const { tokens, store, clock, fetched } = service();
    store.lock = async () => {
      store.stored = { token: "of another", expiresAtMs: clock.now + LIFE_S * 1000 };
      return async () => {};
    };
    expect(await tokens.get(never)).toBe("of another");
    expect(fetched).toHaveLength(0);
  });

  test("WeCom gives the same token again after a rejection: it is used", async () => {
    const { tokens, fetched } = service({ fetchToken: async () => "same" });
    await tokens.get(never);
    await tokens.reject("same");
    expect(await tokens.get(never)).toBe("same");
    expect(await tokens.get(never)).toBe("same");
    expect(fetched).toHaveLength(2);
  });

  test("a refusal that a person must mend is asked for once a minute and not by every caller", async () => {
    let asked = 0;
    const { tokens, clock } = service({
      fetchToken: async () => {
        asked += 1;
        throw new YingdaError("wecom_credentials", "bad secret");
      },
    });
    for (let call = 0; call < 5; call += 1) {
      expect(codeOf(await failureOf(tokens.get(never)))).toBe("wecom_credentials");
    }
    expect(asked).toBe(1);
    clock.now += MINUTE_MS;
    await failureOf(tokens.get(never));
    expect(asked).toBe(2);
  });

  test("after a failure that may pass, the next caller asks again and the lock is free", async () => {
    const { tokens, store } = service({
      fetchToken: async () => {
        if (store.writes === 0 && failures++ === 0)
          throw new YingdaError("wecom_unreachable", "away", { retryable: true });
        return "token";
      },
    });
    let failures = 0;
    expect(codeOf(await failureOf(tokens.get(never)))).toBe("wecom_unreachable");
    expect(store.isLocked).toBe(false);
    expect(await tokens.get(never)).toBe("token");
  });

  test("a lock that nobody ever releases is waited for half a minute and no longer", async () => {
    const { tokens, store, clock } = service();
    store.isLocked = true;
    const startedAtMs = clock.now;
    expect(codeOf(await failureOf(tokens.get(never)))).toBe("wecom_unreachable");
    expect(clock.now - startedAtMs).toBeGreaterThanOrEqual(30_000);
    expect(clock.now - startedAtMs).toBeLessThan(31_000);
  });

  test("the holder of the lock dies: whoever gets it next fetches", async () => {
    const { tokens, store, clock } = service();
    store.isLocked = true;
    const waiting = tokens.get(never);
    while (clock.slept.length < 5) await turnOfLoop();
    store.isLocked = false;
    expect(await waiting).toBe("token-1");
  });

  test("a caller that gives up does not take the token from the others", async () => {
    const release = Promise.withResolvers<string>();
    const { tokens } = service({ fetchToken: () => release.promise });
    const leaving = new AbortController();
    const left = failureOf(tokens.get(leaving.signal));
    const staying = tokens.get(never);
    leaving.abort(new YingdaError("turn_stopped", "stopped"));
    expect(codeOf(await left)).toBe("turn_stopped");
    release.resolve("token");
    expect(await staying).toBe("token");
  });

  test("an aborted caller gets its own reason and starts nothing", async () => {
    const { tokens, fetched } = service();
    const reason = new YingdaError("turn_timeout", "late");
    expect(await failureOf(tokens.get(AbortSignal.abort(reason)))).toBe(reason);
    expect(fetched).toHaveLength(0);
  });

  test("the store is away: the caller hears of that, and the copy in memory serves while it lasts", async () => {
    const { tokens, store, clock } = service();
    await tokens.get(never);
    store.isAway = true;
    expect(await tokens.get(never)).toBe("token-1");
    clock.now += 10_000;
    expect(codeOf(await failureOf(tokens.get(never)))).toBe("store_unavailable");
  });

  test("a token that cannot be stored is used all the same", async () => {
    const { tokens, store } = service();
    store.write = async () => {
      throw new YingdaError("store_unavailable", "the store is away");
    };
    expect(await tokens.get(never)).toBe("token-1");
    expect(store.isLocked).toBe(false);
  });
});
