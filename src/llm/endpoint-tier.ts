import type { Events } from "../base/events.ts";
import type { ChatRequest } from "./chat-model.ts";
import { endpointOrder } from "./endpoint-choice.ts";
import { FairQueue } from "./fair-queue.ts";
import type { PoolMember } from "./pool-member.ts";

/** What became of a wait: a place, nobody there who could serve it, or a queue that is too long. */
export type Granted = { member: PoolMember; tier: EndpointTier } | "away" | "busy";

export interface PlaceWait {
  /** Never rejects. */
  readonly granted: Promise<Granted>;
  /** The same once it is known, without waiting for it. */
  readonly settled: Granted | null;
  /** 1 for the next; 0 once it is settled. */
  position(): number;
  /** The wait is over for whoever waited: out of the queue, and a place that was given meanwhile goes to the next. */
  leave(): void;
}

class Waiting implements PlaceWait {
  readonly userId: string;
  readonly conversationId: string;
  /** Endpoints that failed this request already. */
  readonly tried: ReadonlySet<PoolMember>;
  readonly granted: Promise<Granted>;
  settled: Granted | null = null;
  readonly #tier: EndpointTier;
  readonly #resolve: (granted: Granted) => void;

  constructor(tier: EndpointTier, request: ChatRequest, tried: ReadonlySet<PoolMember>) {
    const { promise, resolve } = Promise.withResolvers<Granted>();
    this.#tier = tier;
    this.userId = request.userId.toLowerCase();
    this.conversationId = request.conversationId;
    this.tried = tried;
    this.granted = promise;
    this.#resolve = resolve;
  }

  settle(granted: Granted): void {
    this.settled = granted;
    this.#resolve(granted);
  }

  position(): number {
    return this.#tier.positionOf(this);
  }

  leave(): void {
    this.#tier.forget(this);
  }
}

export interface TierOptions {
  queueMax: number;
  events: Pick<Events, "modelFailed">;
}

/**
 * Endpoints that serve one model, and those who wait for a place at them. A place goes to the next of the fair queue, at the
 * endpoint where its conversation belongs when there is room, else at another: nobody waits while a place is free.
 */
export class EndpointTier {
  readonly members: readonly PoolMember[];
  readonly #options: TierOptions;
  readonly #queue: FairQueue<Waiting>;
  /** Those who had their turn and go on: second tries, judgements. Bounded by the requests that are under way. */
  readonly #urgent = new Set<Waiting>();

  constructor(members: readonly PoolMember[], options: TierOptions) {
    this.members = members;
    this.#options = options;
    this.#queue = new FairQueue(options.queueMax);
  }

  get waiting(): number {
    return this.#queue.size + this.#urgent.size;
  }

  /** How long until the first endpoint that is left alone may be tried again. */
  get waitMs(): number {
    return Math.min(...this.members.map(({ breaker }) => breaker.waitMs));
  }

  /** Asks for a place at an endpoint that was not tried; it may be settled at once. Whoever got one gives it back by `leave`. */
  ask(request: ChatRequest, tried: ReadonlySet<PoolMember>): PlaceWait {
    this.#probe();
    for (const member of this.members) member.refreshLoad();
    const waiting = new Waiting(this, request, tried);
    if (request.urgent === true || tried.size > 0) this.#urgent.add(waiting);
    else this.#queue.push(waiting)?.settle("busy");
    this.pump();
    return waiting;
  }

  /** Gives free places to those who wait. Called whenever something may have become free; cheap when nothing has. */
  pump(): void {
    for (const waiting of this.#urgent) {
      const usable = this.#usable(waiting.tried);
      const member = usable.length === 0 ? "away" : this.#choose(usable, waiting);
      if (member === null) continue;
      this.#urgent.delete(waiting);
      this.#grant(waiting, member);
    }
    while (this.#queue.size > 0) {
      const usable = this.#usable(NONE);
      if (usable.length > 0 && !usable.some(({ hasRoom }) => hasRoom)) return;
      const waiting = this.#queue.take();
      if (waiting === undefined) return;
      this.#grant(waiting, this.#choose(usable, waiting) ?? "away");
    }
  }

  positionOf(waiting: Waiting): number {
    if (waiting.settled !== null) return 0;
    if (this.#urgent.has(waiting)) return [...this.#urgent].indexOf(waiting) + 1;
    return this.#urgent.size + this.#queue.positionOf(waiting);
  }

  forget(waiting: Waiting): void {
    this.#urgent.delete(waiting);
    this.#queue.remove(waiting);
    const { settled } = waiting;
    if (settled === null) waiting.settle("away");
    else if (typeof settled === "object") this.#leave(waiting, settled.member);
  }

  #grant(waiting: Waiting, member: PoolMember | "away"): void {
    if (member === "away") {
      waiting.settle("away");
      return;
    }
    member.breaker.enter();
    member.running += 1;
    this.#queue.started(waiting.userId);
    waiting.settle({ member, tier: this });
  }

  #leave(waiting: Waiting, member: PoolMember): void {
    waiting.settled = "away";
    // It was let in and asked nothing: the next one may find out.
    member.breaker.abstained();
    member.running -= 1;
    this.#queue.ended(waiting.userId);
    this.pump();
  }

  /** Those that may serve a request. One that is left alone and due is tried with it only when no other is there. */
  #usable(tried: ReadonlySet<PoolMember>): PoolMember[] {
    const untried = this.members.filter((member) => !tried.has(member));
    const closed = untried.filter(({ breaker }) => breaker.isClosed);
    return closed.length > 0 ? closed : untried.filter(({ breaker }) => breaker.takesRequests);
  }

  #choose(usable: readonly PoolMember[], { conversationId }: Waiting): PoolMember | null {
    return endpointOrder(usable, conversationId).find(({ hasRoom }) => hasRoom) ?? null;
  }

  /** While others serve, an endpoint that is due is tried with a word of our own. */
  #probe(): void {
    if (!this.members.some(({ breaker }) => breaker.isClosed)) return;
    for (const member of this.members) {
      if (member.breaker.isClosed || !member.breaker.enter()) continue;
      void member.probe().then((error) => {
        if (error !== null) this.#options.events.modelFailed({ traceId: "probe", endpoint: member.name, error });
        this.pump();
      });
    }
  }
}

const NONE: ReadonlySet<PoolMember> = new Set();
