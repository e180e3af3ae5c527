import { setImmediate as nextTick } from "node:timers/promises";

/** Work cut into short steps: it can be run to its end at once, or with the event loop in between. */
export type Steps<T> = Generator<void, T, void>;

/** How long steps may run before others get their turn; a turn's snapshot or a callback waits no longer than this. */
const SLICE_MS = 5;

/** Runs all steps at once. */
export function finished<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Runs the steps in slices of a few milliseconds, and lets others work between them. */
export async function finishedGently<T>(steps: Steps<T>): Promise<T> {
  let endMs = performance.now() + SLICE_MS;
  let step = steps.next();
  while (step.done !== true) {
    if (performance.now() > endMs) {
      await nextTick();
      endMs = performance.now() + SLICE_MS;
    }
    step = steps.next();
  }
  return step.value;
}
