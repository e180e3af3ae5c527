import type { ServerResponse } from "node:http";
import type { Context } from "koa";
import { describe } from "../../base/errors.ts";
import { samePerson } from "../../review/case-moves.ts";
import type { CaseChange } from "../../review/console-queries.ts";
import { type Caller, roleOf } from "./access.ts";
import { AdminError } from "./admin-errors.ts";
import type { AdminContext } from "./admin-parts.ts";
import type { LiveEvent } from "./api-schema.ts";
import { rowsOf } from "./case-bodies.ts";
import { countsOf } from "./case-figures.ts";

/** Pages open at one process; each costs a socket. More people than review anywhere, and a loop of reconnects ends here. */
const CLIENTS_MAX = 200;
/** Of them one person's: tabs that were forgotten, not all places. */
const CLIENTS_OF_ONE_MAX = 20;
/** A page that does not read is cut off before its unread events fill our memory; it connects again and loads anew. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const LOOK_MS = 1_000;
const HEARTBEAT_MS = 15_000;
/** A change is seen when its transaction ends, with the time at which it began: we look back this far, and tell once. */
const LOOK_BACK_MS = 5_000;
/** Rows told in one look; where more changed, the counts say so and pages load their list anew. */
const ROWS_TOLD_MAX = 100;

interface Client {
  response: ServerResponse;
  caller: Caller;
}

type HubParts = Pick<AdminContext, "records" | "nameOf" | "policy" | "sessions" | "users" | "clock" | "log">;

/**
 * Tells open pages what changed. Each process asks the database once a second while anybody looks, so it does not matter
 * which process, which reviewer or which card made the change; and asks nothing while nobody does.
 */
export class EventHub {
  readonly #parts: HubParts;
  readonly #clients = new Set<Client>();
  readonly #stopping = new AbortController();
  #loop: Promise<void> | null = null;
  /** The latest change seen; null: none yet. */
  #seenMs: number | null = null;
  #told = new Map<string, number>();
  #counts = "";
  #policy = "";

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Keeps this answer open for events. Throws `too_many_requests` when too many pages are open. */
  open(ctx: Context, caller: Caller): void {
    if (this.#clients.size >= CLIENTS_MAX || this.#stopping.signal.aborted) {
      throw new AdminError("too_many_requests", `At most ${CLIENTS_MAX} pages are open at once.`);
    }
    const own = [...this.#clients].filter((client) => samePerson(client.caller.userId, caller.userId));
    if (own.length >= CLIENTS_OF_ONE_MAX) {
      throw new AdminError("too_many_requests", `You have ${CLIENTS_OF_ONE_MAX} pages open; close one.`);
    }
    // From here on the answer is ours, its headers those that are set already.
    ctx.respond = false;
    const { res: response } = ctx;
    response.statusCode = 200;
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    // Proxies of the nginx kind would otherwise gather events.
    response.setHeader("x-accel-buffering", "no");
    response.flushHeaders();
    response.write(": here\n\n");
    const client = { response, caller };
    this.#clients.add(client);
    response.once("close", () => this.#clients.delete(client));
    response.on("error", () => this.#clients.delete(client));
    if (this.#counts !== "") response.write(this.#counts);
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stopping;
    let beatAtMs = clock.nowMs();
    this.#policy = this.#parts.policy.version;
    while (!signal.aborted && this.#clients.size > 0) {
      try {
        await this.#look(signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ why: describe(error) }, "changes for the console could not be read");
      }
      if (clock.nowMs() - beatAtMs >= HEARTBEAT_MS) {
        beatAtMs = clock.nowMs();
        this.#write(": here\n\n");
        await this.#dismiss();
      }
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
    // Whoever opens a page next loads everything; what changed meanwhile is not told again.
    this.#loop = null;
    this.#seenMs = null;
    this.#told = new Map();
    this.#counts = "";
    // Somebody may have come while the last look was under way.
    if (this.#clients.size > 0 && !signal.aborted) this.#loop = this.#run();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { records, policy } = this.#parts;
    if (policy.version !== this.#policy) {
      this.#policy = policy.version;
      this.#send({ type: "policy", version: policy.version });
    }
    const changed = await this.#changes();
    if (changed.length > 0) {
      const numbers = changed.slice(0, ROWS_TOLD_MAX).map(({ caseNumber }) => caseNumber);
      const summaries = await records.console.summaries(numbers);
      for (const row of await rowsOf(summaries, this.#parts, signal)) this.#send({ type: "case", case: row });
    }
    if (changed.length === 0 && this.#counts !== "") return;
    const counts = eventText({ type: "counts", counts: countsOf(await records.cases.counts()) });
    if (counts !== this.#counts) this.#write(counts);
    this.#counts = counts;
  }

  /** What changed and was not told yet, the latest first. */
  async #changes(): Promise<CaseChange[]> {
    const first = this.#seenMs === null;
    const fromMs = this.#seenMs === null ? null : this.#seenMs - LOOK_BACK_MS;
    const found = await this.#parts.records.console.changesAfter(fromMs);
    const fresh = found.filter(({ caseNumber, changedAtMs }) => this.#told.get(caseNumber) !== changedAtMs);
    this.#seenMs = Math.max(this.#seenMs ?? 0, found[0]?.changedAtMs ?? 0);
    // Only what the next look can find again has to be remembered.
    this.#told = new Map(found.map(({ caseNumber, changedAtMs }) => [caseNumber, changedAtMs]));
    return first ? [] : fresh;
  }

  /** Pages of people who were signed out, or lost their role, hear no more. */
  async #dismiss(): Promise<void> {
    const { sessions, users } = this.#parts;
    for (const client of this.#clients) {
      const session = await sessions.peek(client.caller.token).catch(() => "away" as const);
      if (session === "away" || (session !== null && roleOf(session, users) !== null)) continue;
      this.#clients.delete(client);
      client.response.end();
    }
  }

  #send(event: LiveEvent): void {
    this.#write(eventText(event));
  }

  #write(text: string): void {
    for (const { response } of this.#clients) {
      if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
      else response.write(text);
    }
  }
}

/** JSON has no line ends of its own, so one `data:` line holds it. */
function eventText(event: LiveEvent): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}
