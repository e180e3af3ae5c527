import { exchangeOf, upsert } from "./message-list.js";

/**
 * The messages of all threads: what the simulator has, what is on its way there, and what nobody has seen yet.
 * @import { ChatMessage, PendingMessage } from "./types.d.ts"
 */

export class Threads {
  /** @type {Map<string, ChatMessage[]>} */ #messages = new Map();
  /** @type {Map<string, PendingMessage[]>} */ #pending = new Map();
  /** @type {Map<string, number>} */ #unread = new Map();
  /** Threads that have lost their oldest messages. @type {Set<string>} */ #shortened = new Set();

  /**
   * A thread as it is shown: what the simulator has, then what is on its way there.
   * @param {string} viewKey
   * @returns {(ChatMessage | PendingMessage)[]}
   */
  of(viewKey) {
    return [...(this.#messages.get(viewKey) ?? []), ...(this.#pending.get(viewKey) ?? [])];
  }

  /** @param {string} viewKey */
  isShortened(viewKey) {
    return this.#shortened.has(viewKey);
  }

  /** @param {string} viewKey */
  unread(viewKey) {
    return this.#unread.get(viewKey) ?? 0;
  }

  /** @param {string} viewKey */
  addUnread(viewKey) {
    this.#unread.set(viewKey, this.unread(viewKey) + 1);
  }

  /**
   * @param {string} viewKey
   * @returns {boolean} whether there was anything unseen
   */
  markSeen(viewKey) {
    return this.#unread.delete(viewKey);
  }

  /** @param {string} messageId */
  find(messageId) {
    return this.#threadOf(messageId).find((message) => message.id === messageId);
  }

  /**
   * The ids of everything that belongs to the same exchange as this message.
   * @param {string} messageId
   */
  exchange(messageId) {
    return exchangeOf(this.#threadOf(messageId), messageId);
  }

  /**
   * Takes over all threads from the simulator.
   * @param {Record<string, ChatMessage[]>} messages
   * @returns {ChatMessage[]} those that were not there before
   */
  replaceAll(messages) {
    const known = new Set([...this.#messages.values()].flat().map((message) => message.id));
    this.#messages.clear();
    const all = Object.values(messages).flat();
    for (const message of all) this.put(message);
    return all.filter((message) => !known.has(message.id));
  }

  /**
   * @param {ChatMessage} message new, or a newer version of one that is there
   * @returns {boolean} whether it is new
   */
  put(message) {
    const { viewKey } = message;
    const { list, isNew, dropped } = upsert(this.#messages.get(viewKey) ?? [], message);
    this.#messages.set(viewKey, list);
    if (dropped) this.#shortened.add(viewKey);
    return isNew;
  }

  /** @param {PendingMessage} message one's own, which the simulator has not confirmed yet */
  addPending(message) {
    this.#pending.set(message.viewKey, [...(this.#pending.get(message.viewKey) ?? []), message]);
  }

  /** @param {PendingMessage} pending */
  dropPending({ viewKey, id }) {
    this.#pending.set(
      viewKey,
      (this.#pending.get(viewKey) ?? []).filter((message) => message.id !== id),
    );
  }

  /**
   * @param {PendingMessage} pending
   * @param {string} reason
   */
  failPending({ viewKey, id }, reason) {
    const list = (this.#pending.get(viewKey) ?? []).map((message) =>
      message.id === id ? { ...message, state: /** @type {const} */ ("failed"), reason } : message,
    );
    this.#pending.set(viewKey, list);
  }

  /**
   * The event of one's own message may overtake the answer to its request; then the two must not stand side by side.
   * @param {ChatMessage} message
   */
  settlePending(message) {
    const list = this.#pending.get(message.viewKey) ?? [];
    const index = list.findIndex(
      (own) => own.state === "sending" && own.from.userId === message.from.userId && own.text === message.text,
    );
    const isNew = index !== -1 && this.find(message.id) === undefined;
    if (isNew) this.#pending.set(message.viewKey, list.toSpliced(index, 1));
  }

  /** @param {string} messageId */
  #threadOf(messageId) {
    for (const list of this.#messages.values()) if (list.some((message) => message.id === messageId)) return list;
    return [];
  }
}
