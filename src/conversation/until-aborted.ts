/** The promise, or the signal's reason as soon as it is aborted: no call that ignores its signal can hold a turn. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Whoever loses the race may still fail; that failure is known already.
    promise.catch(() => undefined);
    aborted.catch(() => undefined);
  }
}
