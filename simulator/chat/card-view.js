import { announce } from "./announce.js";
import { el } from "./dom.js";
import { explain } from "./explain.js";
import { t } from "./i18n.js";
import { safeHref } from "./markdown-links.js";

/**
 * A template card in its bubble, as WeCom draws it: whose it is, title, facts, links, and buttons that call the service.
 * @import { Card } from "./types.d.ts"
 */

/** The service answers at once and changes the card a moment later; after this the member may press again. */
const ANSWER_MS = 8_000;

export class CardView {
  node = el("section", { class: "card", hidden: true, "data-testid": "card" });
  /** Told to screen readers as it changes. */
  #note = el("p", { class: "card-note", role: "status", "data-testid": "card-note" });
  /** @type {Card | undefined} */ #card;
  /** @type {(key: string) => Promise<unknown>} */ #press;
  #pressed = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /** @type {(question: string) => void} */ #ask;

  /**
   * @param {(key: string) => Promise<unknown>} press tells the simulator
   * @param {(question: string) => void} ask sends what the member did not have to write
   */
  constructor(press, ask) {
    this.#press = press;
    this.#ask = ask;
  }

  /**
   * @param {Card | undefined} card
   * @param {HTMLElement} row takes the focus when the button that had it is gone
   */
  show(card, row) {
    this.node.hidden = card === undefined;
    if (card === undefined || JSON.stringify(card) === JSON.stringify(this.#card)) return;
    const first = this.#card === undefined;
    this.#card = card;
    if (this.#pressed !== "") announce(t("cardChanged", { text: card.title }));
    this.#settle("");
    const key = this.node.contains(document.activeElement) ? focusedKey() : undefined;
    this.#draw(card);
    if (first || key === undefined) return;
    (this.#buttons().find((button) => button.dataset.key === key && !button.disabled) ?? row).focus();
  }

  /** @param {Card} card */
  #draw(card) {
    const { source, title, subtitle, text, facts, links, questions, buttons } = card;
    const line = (/** @type {string} */ name, /** @type {string} */ words) =>
      words === "" ? null : el("div", { class: name, text: words });
    this.node.setAttribute("aria-label", title);
    this.node.replaceChildren(
      ...[
        source.text === "" ? null : el("div", { class: `card-source ${source.colour}`, text: source.text }),
        line("card-title", title),
        line("card-subtitle", subtitle),
        line("card-text", text),
        facts.length === 0 ? null : el("dl", { class: "card-facts" }, ...facts.map(fact)),
        ...links.map(link),
        ...questions.map((one) => this.#question(one)),
        buttons.length === 0 ? null : el("div", { class: "card-buttons" }, ...buttons.map((one) => this.#button(one))),
        this.#note,
      ].filter((node) => node !== null),
    );
  }

  /** @param {Card["questions"][number]} question */
  #question({ title, question }) {
    return el("button", {
      type: "button",
      class: "card-link",
      title: question,
      text: title,
      "data-roving": true,
      "data-testid": "card-question",
      onclick: () => this.#ask(question),
    });
  }

  /** @param {Card["buttons"][number]} button */
  #button({ text, key, style }) {
    return el("button", {
      type: "button",
      class: "card-button",
      disabled: key === "",
      text,
      "data-key": key,
      "data-style": style,
      "data-roving": true,
      "data-testid": "card-button",
      onclick: () => void this.#choose(key),
    });
  }

  /** @param {string} key */
  async #choose(key) {
    if (this.#pressed !== "") return;
    this.#pressed = key;
    this.#note.textContent = t("cardPressed");
    // not `disabled`, which would take the focus away
    for (const button of this.#buttons()) button.setAttribute("aria-disabled", "true");
    this.#timer = setTimeout(() => this.#settle(t("cardUnanswered")), ANSWER_MS);
    try {
      await this.#press(key);
    } catch (error) {
      if (this.#pressed === key) this.#settle(explain(error));
    }
  }

  /** @param {string} note */
  #settle(note) {
    clearTimeout(this.#timer);
    this.#pressed = "";
    this.#note.textContent = note;
    for (const button of this.#buttons()) button.removeAttribute("aria-disabled");
  }

  #buttons() {
    return [...this.node.querySelectorAll("button")];
  }
}

/** @param {Card["facts"][number]} fact */
function fact({ name, value }) {
  return el("div", {}, el("dt", { text: name }), el("dd", { text: value }));
}

/** @param {Card["links"][number]} link */
function link({ title, url }) {
  const href = safeHref(url);
  if (href === null) return el("div", { class: "card-text", text: title });
  return el("a", {
    class: "card-link",
    href,
    target: "_blank",
    rel: "noopener noreferrer",
    text: title,
    "data-roving": true,
    "data-testid": "card-link",
  });
}

function focusedKey() {
  return document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
}
