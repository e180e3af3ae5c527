/**
 * One deadline that starts again with every sign of life. A timer is refreshed rather than made anew, since signs of
 * life are tokens.
 */
export class Watchdog {
  readonly #onLate: () => void;
  #timer: NodeJS.Timeout | undefined;
  #withinMs = 0;
  #waiting = false;

  /** `onLate` is called when a wait lasted too long, at most once a wait. */
  constructor(onLate: () => void) {
    this.#onLate = onLate;
  }

  /** From now on the next sign of life is due within `withinMs`. */
  wait(withinMs: number): void {
    this.#waiting = true;
    if (this.#timer !== undefined && withinMs === this.#withinMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#withinMs = withinMs;
    this.#timer = setTimeout(() => {
      if (this.#waiting) this.#onLate();
    }, withinMs);
  }

  /** Nothing is due until the next `wait`: it is the reader's turn, who may take its time. */
  rest(): void {
    this.#waiting = false;
  }

  stop(): void {
    this.#waiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
