import { addPackets, viewKeyOf } from "./message-list.js";
import { Threads } from "./threads.js";

/**
 * All that the page knows, in one place. Methods change it and say which part changed; views read it and draw.
 * @import { Chat, ChatMessage, Connection, Faults, Flag, Packet, PanelTab, PendingMessage, ServerState, Topic } from "./types.d.ts"
 */

export class ChatState {
  /** @type {"loading" | "ready" | "failed"} */ phase = "loading";
  /** @type {Connection} */ connection = "connecting";
  /** @type {ServerState["members"]} */ members = [];
  /** @type {Chat[]} */ chats = [];
  botName = "";
  appName = "";
  /** @type {Faults | null} */ faults = null;

  /** Who the person at the keyboard is now. */
  me = "";
  /** "" on a phone while the list of chats is shown. */
  chatId = "";

  /** `missing`: this run keeps no review records. @type {"loading" | "ready" | "missing" | "failed"} */
  flagsPhase = "loading";
  /** @type {Flag[]} */ flags = [];
  flagsCount = 0;

  panelOpen = false;
  /** @type {PanelTab} */ panelTab = "packets";
  /** @type {Packet[]} */ packets = [];
  packetKind = "";
  /** Only packets of this message's exchange; "" for all. */
  packetMessageId = "";
  packetId = "";

  threads = new Threads();

  /** @type {Map<Topic, Set<() => void>>} */ #listeners = new Map();

  /**
   * Calls `listener` after a change of one of these topics.
   * @param {Topic[]} topics
   * @param {() => void} listener
   */
  on(topics, listener) {
    for (const topic of topics) {
      const listeners = this.#listeners.get(topic) ?? new Set();
      listeners.add(listener);
      this.#listeners.set(topic, listeners);
    }
  }

  /** @param {Topic[]} topics */
  changed(...topics) {
    const listeners = new Set(topics.flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]));
    for (const listener of listeners) listener();
  }

  /** @returns {Chat | undefined} */
  get chat() {
    return this.chats.find((chat) => chat.id === this.chatId);
  }

  /** The thread that is shown; "" when there is none. */
  get viewKey() {
    return this.chat === undefined ? "" : viewKeyOf(this.chat, this.me);
  }

  /** @param {string} userId */
  nameOf(userId) {
    return this.members.find((member) => member.userId === userId)?.name ?? userId;
  }

  /**
   * The name of whoever a chat is with.
   * @param {Chat} chat
   */
  partnerOf(chat) {
    return chat.kind === "app" ? this.appName : chat.title;
  }

  /**
   * Whose thread in which chat this is.
   * @param {string} viewKey
   * @returns {{ chatId: string, me: string } | undefined}
   */
  placeOf(viewKey) {
    for (const chat of this.chats) {
      if (viewKey === viewKeyOf(chat, this.me)) return { chatId: chat.id, me: this.me };
      const member = this.members.find(({ userId }) => viewKey === viewKeyOf(chat, userId));
      if (member !== undefined) return { chatId: chat.id, me: member.userId };
    }
    return undefined;
  }

  /**
   * Takes over the simulator's whole state: at the start, and again after a lost connection.
   * @param {ServerState} server
   */
  load(server) {
    const first = this.phase !== "ready";
    this.members = server.members;
    this.chats = server.chats;
    this.botName = server.botName;
    this.appName = server.appName;
    this.faults = server.faults;
    const fresh = this.threads.replaceAll(server.messages);
    if (!first) for (const message of fresh) this.#countUnread(message);
    if (!this.members.some((member) => member.userId === this.me)) this.me = this.members[0]?.userId ?? "";
    if (this.chatId !== "" && this.chat === undefined) this.chatId = "";
    this.phase = "ready";
    this.changed("phase", "selection", "messages", "contacts", "faults");
  }

  /** The first look at the simulator failed; after it, a lost connection is all there is to say. */
  loadFailed() {
    if (this.phase === "ready") return;
    this.phase = "failed";
    this.changed("phase");
  }

  /**
   * @param {string} chatId
   * @param {string} me
   */
  select(chatId, me) {
    // packets of a message that is no longer in sight say nothing
    if (chatId !== this.chatId || me !== this.me) this.packetMessageId = "";
    this.chatId = chatId;
    this.me = me;
    this.threads.markSeen(this.viewKey);
    this.changed("selection", "messages", "contacts", "packets", "packetChoice");
  }

  /** The person has seen what is shown. */
  markSeen() {
    if (this.threads.markSeen(this.viewKey)) this.changed("contacts");
  }

  /** @param {ChatMessage} message new, or a newer version of one that is there */
  applyMessage(message) {
    if (message.from.kind === "member") this.threads.settlePending(message);
    if (this.threads.put(message)) this.#countUnread(message);
    this.changed("messages", "contacts");
  }

  /** @param {PendingMessage} message one's own, shown before the simulator has confirmed it */
  addPending(message) {
    this.threads.addPending(message);
    this.changed("messages", "contacts");
  }

  /** @param {PendingMessage} message */
  dropPending(message) {
    this.threads.dropPending(message);
    this.changed("messages", "contacts");
  }

  /**
   * @param {PendingMessage} message
   * @param {string} reason
   */
  failPending(message, reason) {
    this.threads.failPending(message, reason);
    this.changed("messages", "contacts");
  }

  /**
   * Takes over the simulator's packets: after its restart the old ones mean nothing.
   * @param {readonly Packet[]} packets
   */
  loadPackets(packets) {
    this.packets = [];
    this.addPackets(packets);
  }

  /** @param {readonly Packet[]} packets */
  addPackets(packets) {
    this.packets = addPackets(this.packets, packets);
    this.changed("packets");
  }

  /** The packets that the filters let through. */
  get shownPackets() {
    const ids = this.packetMessageId === "" ? null : this.threads.exchange(this.packetMessageId);
    return this.packets.filter(
      (packet) =>
        (this.packetKind === "" || packet.kind === this.packetKind) &&
        (ids === null || (packet.messageId !== undefined && ids.has(packet.messageId))),
    );
  }

  /**
   * Shows the packets of one message's exchange, or all with "".
   * @param {string} messageId
   */
  choosePacketsOf(messageId) {
    this.packetMessageId = messageId;
    this.packetKind = "";
    if (messageId !== "") this.packetId = this.shownPackets[0]?.id ?? "";
    this.changed("packets", "packetChoice");
  }

  /** @param {string} packetId */
  choosePacket(packetId) {
    this.packetId = packetId;
    this.changed("packetChoice");
  }

  /** @param {ChatMessage} message */
  #countUnread({ viewKey, from }) {
    const mine = from.kind === "member" && from.userId === this.me;
    const looking = viewKey === this.viewKey && !document.hidden;
    if (!mine && !looking) this.threads.addUnread(viewKey);
  }
}
