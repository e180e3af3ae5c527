import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import { isStopWord, parseCommand } from "../conversation/commands.ts";
import type { Kept, Mailbox } from "../session/mailbox.ts";
import type { Message } from "../session/message.ts";

/** Where all channels hand over what they received: kept in Redis, or refused so that WeCom sends it again. */
export class Intake {
  readonly #mailbox: Mailbox;
  readonly #events: Events;
  readonly clock: Clock;

  constructor(parts: { mailbox: Mailbox; events: Events; clock: Clock }) {
    this.#mailbox = parts.mailbox;
    this.#events = parts.events;
    this.clock = parts.clock;
  }

  /**
   * Throws `store_unavailable`; the caller then answers 503 and nothing was promised. A process that is shutting down takes
   * messages as long as it listens: kept is kept, whoever answers, and the bot's callbacks are not sent twice.
   */
  async take(message: Message): Promise<Kept> {
    const stops = parseCommand(message.text) === "stop" || (isStopWord(message.text) && "ifBusy");
    const kept = await this.#mailbox.keep(message, { stops });
    const outcome = kept.repeated ? "repeated" : kept.outcome;
    this.#events.messageTaken({ channel: message.channel, outcome, traceId: message.traceId });
    return kept;
  }
}
