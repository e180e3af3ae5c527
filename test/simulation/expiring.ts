/** A value that Redis forgets by itself. */
export class Expiring<T> {
  readonly #nowMs: () => number;
  #value: T | null = null;
  #untilMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Null when there is none, or none any more. */
  get(): T | null {
    return this.#untilMs > this.#nowMs() ? this.#value : null;
  }

  set(value: T, ttlMs: number): void {
    this.#value = value;
    this.#untilMs = this.#nowMs() + ttlMs;
  }

  /** Another value for the rest of its time; nothing when there is none. */
  keep(value: T): void {
    if (this.get() !== null) this.#value = value;
  }

  clear(): void {
    this.#value = null;
  }

  /** For comparisons: the value and how long it will be there. */
  state<V>(view: (value: T) => V): { value: V; ttlMs: number } | null {
    const value = this.get();
    return value === null ? null : { value: view(value), ttlMs: this.#untilMs - this.#nowMs() };
  }
}
