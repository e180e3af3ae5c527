import { setTimeout as delay } from "node:timers/promises";

/** Waits until `holds` resolves true; fails after `timeoutMs` with what was waited for. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { timeoutMs = 15_000, what = "the condition" }: { timeoutMs?: number; what?: string } = {},
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`${what} did not hold within ${timeoutMs} ms`);
    await delay(20);
  }
}
