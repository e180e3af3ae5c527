import { kindAvatar, memberAvatar } from "./avatar.js";
import { CardView } from "./card-view.js";
import { el } from "./dom.js";
import { feedbackButtons } from "./feedback.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { showMarkdown } from "./markdown-dom.js";
import { describe, mediaNode, whyNotCalled } from "./media-view.js";
import { preview } from "./message-list.js";
import { showPlainText } from "./plain-text.js";
import { Reveal } from "./reveal.js";
import { formatMoment, formatTime } from "./time.js";

/**
 * One message of the list, from the first empty bubble to the finished answer.
 * @import { ChatMessage, FeedbackType, PendingMessage } from "./types.d.ts"
 */

/** @typedef {{ mine: boolean, named: boolean, names: string[] }} RowOptions `named`: show who speaks */
/** @typedef {{ resend: (m: PendingMessage) => void, discard: (m: PendingMessage) => void, rate: (m: ChatMessage, type: FeedbackType) => void, press: (m: ChatMessage, key: string) => Promise<unknown>, ask: (question: string) => void }} RowActions */

const QUOTE_UNITS_MAX = 160;
const LABEL_UNITS_MAX = 80;

export class MessageRow {
  /** @type {HTMLElement} */ node;
  /** @type {ChatMessage | PendingMessage} */ message;
  /** @type {RowOptions} */ #options;
  /** @type {RowActions} */ #actions;
  /** @type {Reveal} */ #reveal;
  #divider = el("div", { class: "divider", hidden: true });
  #body = el("div", { class: "body", "data-testid": "message-text" });
  #media = el("div", { class: "media" });
  #typing = typingDots();
  #bubble = el("div", { class: "bubble", "data-testid": "bubble" });
  #foot = el("div", { class: "foot" });
  /** @type {CardView} */ #card;

  /**
   * @param {ChatMessage | PendingMessage} message
   * @param {RowOptions} options
   * @param {RowActions} actions
   */
  constructor(message, options, actions) {
    this.message = message;
    this.#options = options;
    this.#actions = actions;
    this.#card = new CardView(
      (key) => this.#actions.press(this.message, key),
      (question) => this.#actions.ask(question),
    );
    this.#reveal = new Reveal((text, complete) => this.#showText(text, complete));
    this.node = message.from.kind === "platform" ? this.#platformNode() : this.#memberNode();
    this.#draw(true);
  }

  /** @param {ChatMessage | PendingMessage} message a newer version, or the same */
  update(message) {
    if (message === this.message) return;
    const wasLive = this.message.state === "streaming";
    this.message = message;
    this.#draw(!wasLive);
  }

  /** @param {boolean} shown whether the time stands above this message */
  showDivider(shown) {
    this.#divider.hidden = !shown;
    this.#divider.textContent = shown ? formatMoment(this.message.atMs) : "";
  }

  /** @param {boolean} tabbable whether the Tab key stops here, and at the buttons of this message */
  setTabbable(tabbable) {
    this.node.tabIndex = tabbable ? 0 : -1;
    for (const stop of this.node.querySelectorAll("[data-roving]")) {
      if (stop instanceof HTMLElement) stop.tabIndex = this.node.tabIndex;
    }
  }

  #platformNode() {
    this.#bubble.append(this.#body);
    return this.#article("row notice", this.#divider, this.#bubble);
  }

  #memberNode() {
    const { from, quote } = this.message;
    const avatar =
      from.kind === "member"
        ? memberAvatar(from.userId ?? from.name, from.name)
        : kindAvatar(from.kind === "app" ? "app" : "bot");
    const quoted =
      quote === undefined
        ? null
        : el(
            "div",
            { class: "quoted", "data-testid": "message-quote" },
            quote.name === undefined ? null : el("strong", { text: `${quote.name}：` }),
            preview(quote.text, QUOTE_UNITS_MAX),
          );
    this.#bubble.append(...(quoted === null ? [] : [quoted]), this.#media, this.#body, this.#card.node, this.#typing);
    return this.#article(
      `row ${this.#options.mine ? "mine" : "theirs"}`,
      this.#divider,
      avatar,
      el(
        "div",
        { class: "stack" },
        this.#options.named ? el("div", { class: "name", text: from.name }) : null,
        el("div", { class: "bubble-line" }, this.#bubble),
        this.#foot,
      ),
    );
  }

  /**
   * @param {string} className
   * @param {...HTMLElement} children
   */
  #article(className, ...children) {
    const node = el("article", { class: className, tabindex: -1, "data-testid": "message" }, ...children);
    node.dataset.from = this.message.from.kind;
    node.dataset.messageId = this.message.id;
    if (this.message.replyTo !== undefined) node.dataset.replyTo = this.message.replyTo;
    return node;
  }

  /** @param {boolean} atOnce */
  #draw(atOnce) {
    const { state, text, format, card } = this.message;
    const media = this.message.media ?? [];
    if (this.#media.childElementCount !== media.length) this.#media.replaceChildren(...media.map(mediaNode));
    this.#body.hidden = card?.alone === true || (text === "" && media.length > 0);
    this.#bubble.classList.toggle("with-card", card !== undefined);
    this.#card.show(card, this.node);
    this.setTabbable(this.node.tabIndex === 0);
    const live = state === "streaming";
    this.#body.classList.toggle("md", format === "markdown");
    this.#reveal.set(text, !live, atOnce);
    if (live) this.node.setAttribute("aria-busy", "true");
    else this.node.removeAttribute("aria-busy");
    const who = [this.message.from.name, formatTime(this.message.atMs, "clock")].filter((part) => part !== "");
    this.node.setAttribute("aria-label", `${who.join(", ")}: ${describe(this.message, LABEL_UNITS_MAX)}`);
  }

  /**
   * @param {string} text
   * @param {boolean} complete
   */
  #showText(text, complete) {
    const { format, state } = this.message;
    if (format === "markdown") {
      const labels = { copy: t("copy"), thinking: t("thinking"), thought: t("thought"), table: t("table") };
      showMarkdown(this.#body, text, labels);
    } else showPlainText(this.#body, text, this.#options.names);
    const bare = text === "" && this.message.media === undefined;
    this.#bubble.hidden = bare && (state === "failed" || state === "expired");
    if (bare && state === "finished") showPlainText(this.#body, t("emptyAnswer"), []);
    this.#typing.hidden = state !== "streaming";
    this.#typing.classList.toggle("alone", text === "");
    // told only when the text stands there in full, so that whoever waits for it reads all of it
    this.node.dataset.state = complete || state === "streaming" ? state : "streaming";
    this.#showFoot(complete ? this.#footNodes() : []);
  }

  /** @param {Node[]} nodes */
  #showFoot(nodes) {
    const focused = document.activeElement;
    const testId = focused instanceof HTMLElement && this.#foot.contains(focused) ? focused.dataset.testid : undefined;
    this.#foot.replaceChildren(...nodes);
    this.setTabbable(this.node.tabIndex === 0);
    for (const button of this.#foot.querySelectorAll("button")) {
      // the button that was pressed has a new element now
      if (testId !== undefined && button.dataset.testid === testId) button.focus();
    }
  }

  /** @returns {Node[]} */
  #footNodes() {
    const { message } = this;
    const { state, from, feedback } = message;
    if ("outgoing" in message && state === "failed") return this.#failedNodes(message);
    if (state === "sending") return [el("span", { class: "sending" }, el("span", { class: "spinner" }), t("sending"))];
    if (state === "failed") return [problem(from.kind === "member" ? t("stateFailed") : t("stateBotFailed"))];
    const notCalled = whyNotCalled(message);
    if (notCalled !== "") return [problem(notCalled)];
    if (state === "expired") return [problem(t("stateExpired"))];
    if (state === "finished" && feedback?.possible === true && from.kind === "bot") {
      return feedbackButtons(feedback.given, (type) => this.#actions.rate(message, type));
    }
    return [];
  }

  /** @param {PendingMessage} message */
  #failedNodes(message) {
    const why = message.reason === undefined ? t("notSent") : `${t("notSent")}: ${message.reason}`;
    return [
      problem(why),
      el("button", {
        type: "button",
        class: "link-button",
        "data-testid": "message-resend",
        text: t("resend"),
        onclick: () => this.#actions.resend(message),
      }),
      el("button", {
        type: "button",
        class: "link-button",
        text: t("discard"),
        onclick: () => this.#actions.discard(message),
      }),
    ];
  }
}

/** @param {string} text */
function problem(text) {
  return el("span", { class: "problem" }, icon("alert"), el("span", { text }));
}

function typingDots() {
  return el(
    "span",
    { class: "typing", hidden: true, "data-testid": "typing" },
    el("span", { class: "visually-hidden", text: t("typing") }),
    el("i"),
    el("i"),
    el("i"),
  );
}
