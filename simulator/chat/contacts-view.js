import { chatAvatar, memberAvatar } from "./avatar.js";
import { byId, countBadge, el, syncList } from "./dom.js";
import { t } from "./i18n.js";
import { describe } from "./media-view.js";
import { viewKeyOf } from "./message-list.js";
import { formatMoment } from "./time.js";

/**
 * Who one speaks as, and with whom.
 * @import { ChatState } from "./state.js"
 * @import { Chat, Member } from "./types.d.ts"
 */

/** @typedef {{ openChat: (chatId: string) => void, speakAs: (userId: string) => void }} ContactsDoer */

/** App and bot may well have the same name. */
const TAGS = /** @type {const} */ ({ app: "tagApp", bot_single: "tagBot", bot_group: "tagGroup" });
const PREVIEW_UNITS_MAX = 40;

const BADGE_MAX = 99;

export class ContactsView {
  /** @type {ChatState} */ #state;
  /** @type {ContactsDoer} */ #doer;
  #members = byId("members", HTMLElement);
  #chats = byId("chats", HTMLElement);

  /**
   * @param {ChatState} state
   * @param {ContactsDoer} doer
   */
  constructor(state, doer) {
    this.#state = state;
    this.#doer = doer;
    state.on(["phase", "selection", "contacts"], () => this.#draw());
    state.on(["language"], () => {
      this.#chats.replaceChildren();
      this.#draw();
    });
  }

  #draw() {
    byId("contacts-loading", HTMLElement).hidden = this.#state.phase !== "loading";
    syncList(this.#members, this.#state.members, {
      key: (member) => member.userId,
      make: (member) => this.#makeMember(member),
      update: (node, member) => this.#updateMember(node, member),
    });
    syncList(this.#chats, this.#state.chats, {
      key: (chat) => chat.id,
      make: (chat) => this.#makeChat(chat),
      update: (node, chat) => this.#updateChat(node, chat),
    });
    const unread = this.#state.chats.reduce(
      (sum, chat) => sum + this.#state.threads.unread(viewKeyOf(chat, this.#state.me)),
      0,
    );
    document.title = unread > 0 ? `(${unread}) ${t("title")}` : t("title");
  }

  /** @param {Member} member */
  #makeMember({ userId, name }) {
    const radio = el("input", {
      type: "radio",
      name: "speak-as",
      value: userId,
      class: "visually-hidden",
      "data-testid": `member-${userId}`,
      onchange: () => this.#doer.speakAs(userId),
    });
    return el(
      "label",
      { class: "member", title: name },
      radio,
      el("span", { class: "member-face" }, memberAvatar(userId, name), el("span", { class: "dot", hidden: true })),
      el("span", { class: "member-name", text: name }),
    );
  }

  /**
   * @param {HTMLElement} node
   * @param {Member} member
   */
  #updateMember(node, { userId }) {
    const radio = node.querySelector("input");
    if (radio) radio.checked = userId === this.#state.me;
    const waiting = this.#state.chats.some(
      (chat) => chat.kind !== "bot_group" && this.#state.threads.unread(viewKeyOf(chat, userId)) > 0,
    );
    const dot = node.querySelector(".dot");
    if (dot instanceof HTMLElement) dot.hidden = !waiting || userId === this.#state.me;
  }

  /** @param {Chat} chat */
  #makeChat(chat) {
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "contact",
          "data-testid": `chat-${chat.id}`,
          "data-kind": chat.kind,
          onclick: () => this.#doer.openChat(chat.id),
        },
        chatAvatar(chat),
        el(
          "span",
          { class: "contact-text" },
          el(
            "span",
            { class: "contact-line" },
            el(
              "span",
              { class: "contact-name" },
              this.#state.partnerOf(chat),
              el("span", { class: "tag", text: t(chat.socket === true ? "tagSocket" : TAGS[chat.kind]) }),
            ),
            el("span", { class: "contact-time" }),
          ),
          el(
            "span",
            { class: "contact-line" },
            el("span", { class: "contact-last" }),
            el("span", { class: "badge", hidden: true }),
          ),
        ),
      ),
    );
  }

  /**
   * @param {HTMLElement} node
   * @param {Chat} chat
   */
  #updateChat(node, chat) {
    const key = viewKeyOf(chat, this.#state.me);
    const last = this.#state.threads.of(key).at(-1);
    const unread = this.#state.threads.unread(key);
    const button = node.querySelector("button");
    if (chat.id === this.#state.chatId) button?.setAttribute("aria-current", "true");
    else button?.removeAttribute("aria-current");
    setText(node, ".contact-time", last === undefined ? "" : formatMoment(last.atMs));
    setText(node, ".contact-last", last === undefined ? t("noMessages") : this.#lastLine(chat, last));
    const badge = node.querySelector(".badge");
    if (!(badge instanceof HTMLElement)) return;
    badge.hidden = unread === 0;
    badge.replaceChildren(...countBadge(unread, BADGE_MAX, t("unread", { count: unread })));
  }

  /**
   * @param {Chat} chat
   * @param {import("./types.d.ts").ChatMessage} last
   */
  #lastLine(chat, last) {
    const text = describe(last, PREVIEW_UNITS_MAX);
    if (last.state === "streaming" && text === "") return `[${t("typing")}]`;
    const other = chat.kind === "bot_group" && last.from.userId !== this.#state.me && last.from.kind !== "platform";
    return other ? t("announce", { name: last.from.name, text }) : text;
  }
}

/**
 * @param {HTMLElement} node
 * @param {string} selector
 * @param {string} text
 */
function setText(node, selector, text) {
  const target = node.querySelector(selector);
  if (target !== null && target.textContent !== text) target.textContent = text;
}
