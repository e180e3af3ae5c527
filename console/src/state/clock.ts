import { signal } from "@preact/signals";

/** The time that the page shows; it moves on its own, so that "due in 12 min" stays true. */
export const nowMs = signal(Date.now());

const TICK_MS = 5000;

export function startClock(): void {
  const tick = () => {
    if (!document.hidden) nowMs.value = Date.now();
  };
  setInterval(tick, TICK_MS);
  document.addEventListener("visibilitychange", tick);
}
