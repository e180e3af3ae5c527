import { BoundedLog, BoundedMap } from "./bounded-log.ts";
import type { Journal } from "./journal.ts";
import type { AppMessage } from "./platform-types.ts";

/** Sends whose messages can still be recalled or whose cards can still be changed. */
const SENDS_MAX = 20_000;

/** What every member has in the chat with the app, in order of arrival. */
export class Inboxes {
  readonly #journal: Journal;
  readonly #historyMax: number;
  readonly #byMember = new Map<string, BoundedLog<AppMessage>>();
  readonly #bySend = new BoundedMap<string, AppMessage[]>(SENDS_MAX);

  constructor(journal: Journal, historyMax: number) {
    this.#journal = journal;
    this.#historyMax = historyMax;
  }

  deliver(message: AppMessage): void {
    const key = message.userId.toLowerCase();
    const inbox = this.#byMember.get(key) ?? new BoundedLog<AppMessage>(this.#historyMax);
    this.#byMember.set(key, inbox);
    inbox.push(message);
    const sameSend = this.#bySend.get(message.id);
    if (sameSend === undefined) this.#bySend.set(message.id, [message]);
    else sameSend.push(message);
    this.#announce(message);
  }

  list(userId: string): AppMessage[] {
    return this.#byMember.get(userId.toLowerCase())?.list() ?? [];
  }

  /** How many the member ever had, those that the bounded log dropped included. */
  count(userId: string): number {
    return this.#byMember.get(userId.toLowerCase())?.total ?? 0;
  }

  /** The messages of one `message/send`, one for each receiver. */
  ofSend(msgid: string): AppMessage[] {
    return this.#bySend.get(msgid) ?? [];
  }

  /** Removes a send's messages from the chats. `false` when there is no such send. */
  recall(msgid: string): boolean {
    const messages = this.ofSend(msgid);
    for (const message of messages) {
      message.recalled = true;
      this.#announce(message);
    }
    return messages.length > 0;
  }

  /** Shows another card in a message that carries one. */
  changeCard(message: AppMessage, card: Record<string, unknown>, text: string): void {
    message.content = card;
    message.text = text;
    this.#announce(message);
  }

  #announce(message: AppMessage): void {
    this.#journal.emit({ type: "app_message", message });
    this.#journal.changed(inboxTopic(message.userId));
  }
}

export function inboxTopic(userId: string): string {
  return `inbox ${userId.toLowerCase()}`;
}
