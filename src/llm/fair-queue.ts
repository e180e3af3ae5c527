/** Something that waits for a place, by whose it is. */
export interface Queued {
  userId: string;
  conversationId: string;
}

/** What one member has waiting and running. */
interface Line<T> {
  /** First the conversation whose turn is next. None of them is empty. */
  conversations: Map<string, T[]>;
  waiting: number;
  running: number;
  /** When a place was last given to this member, as a count of all places given; 0: not since it came. */
  servedAt: number;
  /** Order of coming, for members that are equal in all else. */
  cameAt: number;
}

/**
 * Who gets the next place: the member with the fewest requests running; among equals the one who was served longest ago.
 * Within a member the conversations take turns, within a conversation it is first come, first served. So a member with two
 * hundred messages waiting holds a newcomer up by no more than the one place that is the next to become free.
 *
 * At most `itemsMax` wait, so that memory and waits stay bounded. Beyond, whoever has most waiting loses its last, so that one
 * member cannot fill the queue for all.
 */
export class FairQueue<T extends Queued> {
  readonly #itemsMax: number;
  readonly #lines = new Map<string, Line<T>>();
  #size = 0;
  #served = 0;
  #came = 0;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts one in. Returns the one that found no room: this one, or the last of a member with more waiting; null for none. */
  push(item: T): T | null {
    const line = this.#lineOf(item.userId);
    let dropped: T | null = null;
    if (this.#size >= this.#itemsMax) {
      dropped = this.#lastOfLongest(line.waiting + 1);
      if (dropped === null) {
        this.#forgetIdle(item.userId);
        return item;
      }
      this.remove(dropped);
    }
    const conversation = line.conversations.get(item.conversationId) ?? [];
    conversation.push(item);
    line.conversations.set(item.conversationId, conversation);
    line.waiting += 1;
    this.#size += 1;
    return dropped;
  }

  /** Takes out the next; undefined when nobody waits. Whoever it is counts as running once `started` was called. */
  take(): T | undefined {
    let next: Line<T> | undefined;
    for (const line of this.#lines.values()) {
      if (line.waiting > 0 && (next === undefined || isBefore(line, next))) next = line;
    }
    const item = next?.conversations.values().next().value?.[0];
    if (next === undefined || item === undefined) return undefined;
    this.remove(item);
    const rest = next.conversations.get(item.conversationId);
    if (rest !== undefined) {
      next.conversations.delete(item.conversationId);
      next.conversations.set(item.conversationId, rest);
    }
    return item;
  }

  /** Whoever waited has gone, or is taken elsewhere. False when it was not waiting. */
  remove(item: T): boolean {
    const line = this.#lines.get(item.userId);
    const conversation = line?.conversations.get(item.conversationId);
    const at = conversation?.indexOf(item) ?? -1;
    if (line === undefined || conversation === undefined || at < 0) return false;
    conversation.splice(at, 1);
    if (conversation.length === 0) line.conversations.delete(item.conversationId);
    line.waiting -= 1;
    this.#size -= 1;
    this.#forgetIdle(item.userId);
    return true;
  }

  /** A request of this member runs from now on. */
  started(userId: string): void {
    const line = this.#lineOf(userId);
    line.running += 1;
    this.#served += 1;
    line.servedAt = this.#served;
  }

  ended(userId: string): void {
    const line = this.#lines.get(userId);
    if (line === undefined) return;
    line.running -= 1;
    this.#forgetIdle(userId);
  }

  /** 1 for the next. As things are: it grows when others come who run less, and shrinks when somebody leaves. 0: not waiting. */
  positionOf(item: T): number {
    const own = this.#lines.get(item.userId);
    const rank = own === undefined ? -1 : rankIn(own, item);
    if (own === undefined || rank < 0) return 0;
    const level = own.running + rank;
    let position = rank + 1;
    for (const line of this.#lines.values()) {
      if (line === own || line.waiting === 0) continue;
      // A member's first waiting request has its running ones before it, the second one more, and so on.
      const below = level - line.running;
      position += Math.min(Math.max(below, 0), line.waiting);
      if (below >= 0 && below < line.waiting && isBeforeAtSameLevel(line, own)) position += 1;
    }
    return position;
  }

  #lineOf(userId: string): Line<T> {
    const known = this.#lines.get(userId);
    if (known !== undefined) return known;
    this.#came += 1;
    // As if served just before the last one was: who comes new stands before whoever was served last and later, not before
    // those who have waited longer.
    const servedAt = this.#served - 0.5;
    const line = { conversations: new Map<string, T[]>(), waiting: 0, running: 0, servedAt, cameAt: this.#came };
    this.#lines.set(userId, line);
    return line;
  }

  #forgetIdle(userId: string): void {
    const line = this.#lines.get(userId);
    if (line !== undefined && line.waiting === 0 && line.running <= 0) this.#lines.delete(userId);
  }

  #lastOfLongest(moreThan: number): T | null {
    let longest: Line<T> | null = null;
    for (const line of this.#lines.values()) {
      if (line.waiting > moreThan && (longest === null || line.waiting > longest.waiting)) longest = line;
    }
    let last: T | null = null;
    let lastRank = -1;
    for (const conversation of longest?.conversations.values() ?? []) {
      const item = conversation.at(-1);
      const rank = longest === null || item === undefined ? -1 : rankIn(longest, item);
      if (item === undefined || rank <= lastRank) continue;
      last = item;
      lastRank = rank;
    }
    return last;
  }
}

function isBefore<T>(one: Line<T>, other: Line<T>): boolean {
  if (one.running !== other.running) return one.running < other.running;
  return one.servedAt === other.servedAt ? one.cameAt < other.cameAt : one.servedAt < other.servedAt;
}

/** Of two members who will have as many requests before the next one: whoever got there with fewer places given since. */
function isBeforeAtSameLevel<T>(one: Line<T>, other: Line<T>): boolean {
  return one.running === other.running ? isBefore(one, other) : one.running > other.running;
}

/** How many of the same member come before it; -1 when it does not wait. */
function rankIn<T extends Queued>(line: Line<T>, item: T): number {
  const depth = line.conversations.get(item.conversationId)?.indexOf(item) ?? -1;
  if (depth < 0) return -1;
  let rank = 0;
  let before = true;
  for (const [conversationId, items] of line.conversations) {
    if (conversationId === item.conversationId) before = false;
    rank += Math.min(items.length, before ? depth + 1 : depth);
  }
  return rank;
}
