import { announce } from "./announce.js";
import { byId, syncList } from "./dom.js";
import { FollowScroll } from "./follow-scroll.js";
import { t } from "./i18n.js";
import { describe } from "./media-view.js";
import { actionToolbar, copyMessage, messageActions, openActionMenu } from "./message-actions.js";
import { MESSAGES_MAX } from "./message-list.js";
import { MessageRow } from "./message-row.js";

/**
 * The messages of the chosen chat.
 * @import { ChatState } from "./state.js"
 * @import { ChatMessage, PendingMessage } from "./types.d.ts"
 * @import { Action, MessageDoer } from "./message-actions.js"
 * @import { RowActions } from "./message-row.js"
 */

/** @typedef {RowActions & MessageDoer & { packetsByClick: (m: ChatMessage) => void }} ChatDoer */

/** As in WeCom: the time stands above a message that came this long after the one before. */
const DIVIDER_MS = 5 * 60_000;
const ANNOUNCE_UNITS_MAX = 300;
const FLASH_MS = 1_600;

export class ChatView {
  /** @type {ChatState} */ #state;
  /** @type {ChatDoer} */ #doer;
  /** @type {Action[]} */ #actions;
  #scroller = byId("scroller", HTMLElement);
  #list = byId("messages", HTMLElement);
  #older = byId("older", HTMLElement);
  #pill = byId("pill", HTMLButtonElement);
  /** @type {FollowScroll} */ #follow;
  /** @type {Map<string, MessageRow>} */ #rows = new Map();
  /** The thread that is drawn, and for whom. */
  #shownFor = "";
  /** Messages that came while somebody was reading further up. */
  #below = 0;
  /** Messages that screen readers have heard of, or that were there before. @type {Set<string>} */ #told = new Set();
  /** @type {MessageRow | undefined} */ #active;
  /** @type {HTMLElement | undefined} */ #toolbar;

  /**
   * @param {ChatState} state
   * @param {ChatDoer} doer
   */
  constructor(state, doer) {
    this.#state = state;
    this.#doer = doer;
    this.#actions = messageActions(doer);
    this.#follow = new FollowScroll(this.#scroller, byId("scroll-content", HTMLElement), () => this.#drawPill());
    this.#pill.addEventListener("click", () => {
      this.#follow.toEnd();
      this.#drawPill();
    });
    this.#listenToList();
    state.on(["messages", "selection"], () => this.#draw());
    state.on(["language"], () => this.#draw(true));
    state.on(["packetChoice", "packets"], () => this.#markTraced());
  }

  /** Puts the focus on the last message. */
  focusLast() {
    const last = this.#list.lastElementChild;
    if (last instanceof HTMLElement) last.focus();
  }

  /**
   * Scrolls to a message and lights it up for a moment.
   * @param {string} messageId
   */
  flash(messageId) {
    const row = this.#rows.get(messageId);
    if (row === undefined) return;
    this.#follow.following = false;
    row.node.scrollIntoView({ block: "center" });
    row.node.focus({ preventScroll: true });
    row.node.classList.add("flash");
    setTimeout(() => row.node.classList.remove("flash"), FLASH_MS);
  }

  /** @param {boolean} [fresh] draw everything anew */
  #draw(fresh = false) {
    const { viewKey, me } = this.#state;
    const messages = this.#state.threads.of(viewKey);
    // in a group the thread stays when somebody else speaks, but what is one's own changes sides
    const opened = `${viewKey} ${me}` !== this.#shownFor;
    if (opened || fresh) this.#clear(`${viewKey} ${me}`);
    let previousMs = Number.NEGATIVE_INFINITY;
    const before = new Set(this.#rows.keys());
    syncList(this.#list, messages, {
      // a message that is taken back becomes a notice, which looks altogether different
      key: (message) => `${message.from.kind} ${message.id}`,
      make: (message) => this.#make(message).node,
      update: (_node, message) => {
        const row = this.#rows.get(message.id);
        row?.update(message);
        row?.showDivider(message.atMs - previousMs > DIVIDER_MS);
        previousMs = message.atMs;
        before.delete(message.id);
      },
    });
    for (const gone of before) {
      this.#rows.delete(gone);
      this.#told.delete(gone);
    }
    this.#older.hidden = !this.#state.threads.isShortened(viewKey);
    this.#older.textContent = t("older", { max: MESSAGES_MAX });
    const focused = this.#active?.node.contains(document.activeElement) === true;
    if (!focused) this.#rove(this.#rows.get(messages.at(-1)?.id ?? ""));
    this.#tell(messages, opened || fresh);
    this.#markTraced();
    this.#drawPill();
  }

  /** @param {string} shownFor */
  #clear(shownFor) {
    this.#list.replaceChildren();
    this.#rows.clear();
    this.#active = undefined;
    this.#toolbar = undefined;
    this.#below = 0;
    if (shownFor !== this.#shownFor) this.#told.clear();
    this.#shownFor = shownFor;
    this.#follow.toEnd();
  }

  /** @param {ChatMessage | PendingMessage} message */
  #make(message) {
    const mine = message.from.kind === "member" && message.from.userId === this.#state.me;
    const named = this.#state.chat?.kind === "bot_group" && !mine;
    const names = [this.#state.botName, ...this.#state.members.map((member) => member.name)];
    const row = new MessageRow(message, { mine, named, names }, this.#doer);
    this.#rows.set(message.id, row);
    if (mine && "outgoing" in message) this.#follow.toEnd();
    else if (!this.#follow.following) this.#below += 1;
    return row;
  }

  /**
   * @param {readonly ChatMessage[]} messages
   * @param {boolean} quietly they were there before
   */
  #tell(messages, quietly) {
    for (const message of messages) {
      if (this.#told.has(message.id) || message.state === "streaming") continue;
      this.#told.add(message.id);
      const mine = message.from.userId === this.#state.me;
      if (!quietly && !mine)
        announce(t("announce", { name: message.from.name, text: describe(message, ANNOUNCE_UNITS_MAX) }));
    }
  }

  #drawPill() {
    if (this.#follow.following) this.#below = 0;
    this.#pill.hidden = this.#follow.following || this.#rows.size === 0;
    const label = byId("pill-text", HTMLElement);
    label.textContent = this.#below > 0 ? t("newMessages", { count: this.#below }) : t("toLatest");
  }

  #markTraced() {
    for (const [id, row] of this.#rows) row.node.classList.toggle("traced", id === this.#state.packetMessageId);
  }

  #listenToList() {
    const rowOf = (/** @type {Event} */ event) => {
      const node = event.target instanceof Element ? event.target.closest("[data-message-id]") : null;
      return node instanceof HTMLElement ? this.#rows.get(node.dataset.messageId ?? "") : undefined;
    };
    this.#list.addEventListener("pointerover", (event) => this.#showToolbar(rowOf(event)));
    this.#list.addEventListener("focusin", (event) => this.#activate(rowOf(event)));
    this.#list.addEventListener("click", (event) => {
      const row = rowOf(event);
      const target = event.target instanceof Element ? event.target : null;
      const copies = target?.closest("[data-copy]");
      if (copies) void copyMessage(copies.closest(".md-code")?.querySelector("code")?.textContent ?? "");
      else if (row !== undefined && target?.closest(".bubble") && !isBusy(target))
        this.#doer.packetsByClick(row.message);
    });
    this.#list.addEventListener("contextmenu", (event) => {
      const row = rowOf(event);
      const target = event.target instanceof Element ? event.target : null;
      // a link or a selection keeps the browser's own menu
      if (row === undefined || target === null || target.closest("a") || isSelecting()) return;
      event.preventDefault();
      openActionMenu(this.#actions, row.message, { x: event.clientX, y: event.clientY, returnTo: row.node });
    });
    this.#list.addEventListener("keydown", (event) => this.#key(event, rowOf(event)));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {MessageRow | undefined} row
   */
  #key(event, row) {
    if (row === undefined || event.target !== row.node || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      ArrowUp: row.node.previousElementSibling,
      ArrowDown: row.node.nextElementSibling,
      Home: this.#list.firstElementChild,
      End: this.#list.lastElementChild,
    };
    const action = this.#actions.find(({ key }) => key === event.key.toLowerCase());
    if (event.key in moves) {
      const to = moves[/** @type {keyof typeof moves} */ (event.key)];
      if (to instanceof HTMLElement) to.focus();
      else if (event.key === "ArrowDown") byId("input", HTMLElement).focus();
    } else if (action !== undefined) action.run(row.message);
    else if (event.key === "Escape") byId("input", HTMLElement).focus();
    else return;
    event.preventDefault();
  }

  /** @param {MessageRow | undefined} row */
  #activate(row) {
    if (row === undefined) return;
    this.#rove(row);
    this.#showToolbar(row);
  }

  /**
   * One message of the list is in the order of the Tab key, with its buttons; the arrows move to the others.
   * @param {MessageRow | undefined} row
   */
  #rove(row) {
    if (row === this.#active) return;
    this.#active?.setTabbable(false);
    this.#active = row;
    row?.setTabbable(true);
  }

  /** @param {MessageRow | undefined} row */
  #showToolbar(row) {
    const line = row?.node.querySelector(".bubble-line");
    if (row === undefined || !line || this.#toolbar?.parentElement === line) return;
    this.#toolbar?.remove();
    this.#toolbar = actionToolbar(this.#actions, () => row.message);
    line.prepend(this.#toolbar);
  }
}

/** @param {Element} target something under the pointer that has its own use for a click */
function isBusy(target) {
  return isSelecting() || target.closest("a, button, summary, input") !== null;
}

function isSelecting() {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed;
}
