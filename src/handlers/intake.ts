import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { parseCommand } from "../conversation/commands.ts";
import type { Kept, Mailbox } from "../session/mailbox.ts";
import type { Message } from "../session/message.ts";

/** Where all channels hand over what they received: kept in Redis, or refused so that WeCom sends it again. */
export class Intake {
  readonly #mailbox: Mailbox;
  readonly #events: Events;
  readonly clock: Clock;
  #draining = false;

  constructor(parts: { mailbox: Mailbox; events: Events; clock: Clock }) {
    this.#mailbox = parts.mailbox;
    this.#events = parts.events;
    this.clock = parts.clock;
  }

  /** From now on callbacks get 503: WeCom delivers them again, to a process that stays. */
  drain(): void {
    this.#draining = true;
  }

  /** Throws `store_unavailable` or `draining`; the caller then answers 503 and nothing was promised. */
  async take(message: Message): Promise<Kept> {
    if (this.#draining) throw new YingdaError("draining", "Shutting down.", { retryable: true });
    const kept = await this.#mailbox.keep(message, { stops: parseCommand(message.text) === "stop" });
    const outcome = kept.repeated ? "repeated" : kept.outcome;
    this.#events.messageTaken({ channel: message.channel, outcome, traceId: message.traceId });
    return kept;
  }
}
