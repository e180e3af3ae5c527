/** The two containers that keep the simulator's memory flat, however long it runs. */

/** The newest items in order; older ones fall out when there are too many or they weigh too much together. */
export class BoundedLog<T> {
  #items: (T | undefined)[] = [];
  /** Where the kept items begin; the empty places before are cut off in blocks, since moving the array each time would be slow. */
  #head = 0;
  #weight = 0;
  #total = 0;
  readonly #itemsMax: number;
  readonly #weigh: (item: T) => number;
  readonly #weightMax: number;

  constructor(itemsMax: number, weigh: (item: T) => number = () => 0, weightMax = Number.POSITIVE_INFINITY) {
    this.#itemsMax = itemsMax;
    this.#weigh = weigh;
    this.#weightMax = weightMax;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#total += 1;
    this.#weight += this.#weigh(item);
    while (this.#count > this.#itemsMax || (this.#weight > this.#weightMax && this.#count > 1)) this.#dropOldest();
  }

  /** A copy, oldest first. */
  list(): T[] {
    return this.#items.slice(this.#head).filter((item) => item !== undefined);
  }

  findLast(test: (item: T) => boolean): T | undefined {
    for (let index = this.#items.length - 1; index >= this.#head; index -= 1) {
      const item = this.#items[index];
      if (item !== undefined && test(item)) return item;
    }
    return undefined;
  }

  /** How many were ever pushed, the dropped ones included. */
  get total(): number {
    return this.#total;
  }

  get #count(): number {
    return this.#items.length - this.#head;
  }

  #dropOldest(): void {
    const oldest = this.#items[this.#head];
    if (oldest !== undefined) this.#weight -= this.#weigh(oldest);
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head < this.#itemsMax) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/** A map of at most `entriesMax` entries; setting one more drops the one that was set first. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #entriesMax: number;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size > this.#entriesMax) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  /** Oldest first. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }
}
