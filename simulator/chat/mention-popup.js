import { announce } from "./announce.js";
import { kindAvatar, memberAvatar } from "./avatar.js";
import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { completeMention, matchCandidates, mentionAt } from "./mention.js";

/**
 * The list of people that opens while an "@" is being typed. The focus stays in the text; the list is named to screen
 * readers as its active descendant.
 * @import { Candidate } from "./mention.js"
 */

export class MentionPopup {
  /** @type {HTMLTextAreaElement} */ #input;
  /** @type {() => Candidate[]} */ #candidates;
  #list = byId("mentions", HTMLElement);
  /** @type {Candidate[]} */ #shown = [];
  #from = 0;
  #chosen = 0;
  /** The "@" whose list was closed with Esc; it stays closed until another is typed. */
  #dismissed = -1;

  /**
   * @param {HTMLTextAreaElement} input
   * @param {() => Candidate[]} candidates who can be mentioned here
   */
  constructor(input, candidates) {
    this.#input = input;
    this.#candidates = candidates;
    input.addEventListener("input", () => this.#update());
    input.addEventListener("click", () => this.#update());
    input.addEventListener("keyup", (event) => event.key.startsWith("Arrow") && !this.#isOpen && this.#update());
    input.addEventListener("blur", () => this.close());
    // the text must not lose the focus to the list
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const item = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      if (item) this.#take([...this.#list.children].indexOf(item));
    });
  }

  get #isOpen() {
    return this.#shown.length > 0;
  }

  close() {
    this.#shown = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#input.removeAttribute("aria-activedescendant");
  }

  /**
   * Gives the list the first word on a key.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key was for the list
   */
  handleKey(event) {
    if (!this.#isOpen) return false;
    if (event.key === "ArrowDown") this.#choose(this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.#chosen);
    else if (event.key === "Escape") {
      this.#dismissed = this.#from;
      this.close();
    } else return false;
    event.preventDefault();
    return true;
  }

  #update() {
    const mention = mentionAt(this.#input.value, this.#input.selectionStart);
    if (mention === null) {
      this.#dismissed = -1;
      this.close();
      return;
    }
    if (mention.from === this.#dismissed) return;
    const wasOpen = this.#isOpen;
    this.#from = mention.from;
    this.#shown = matchCandidates(this.#candidates(), mention.query);
    if (!this.#isOpen) {
      this.close();
      return;
    }
    this.#list.replaceChildren(...this.#shown.map((candidate, index) => option(candidate, index)));
    this.#list.hidden = false;
    this.#choose(0);
    if (!wasOpen) announce(t("mentionCount", { count: this.#shown.length }));
  }

  /** @param {number} index */
  #choose(index) {
    this.#chosen = (index + this.#shown.length) % this.#shown.length;
    [...this.#list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", at === this.#chosen ? "true" : "false");
      if (at === this.#chosen) {
        item.scrollIntoView({ block: "nearest" });
        this.#input.setAttribute("aria-activedescendant", item.id);
      }
    });
  }

  /** @param {number} index */
  #take(index) {
    const candidate = this.#shown[index];
    if (candidate === undefined) return;
    const { text, caret } = completeMention(this.#input.value, this.#input.selectionStart, this.#from, candidate.name);
    this.close();
    this.#input.value = text;
    this.#input.setSelectionRange(caret, caret);
    this.#input.dispatchEvent(new Event("input"));
  }
}

/**
 * @param {Candidate} candidate
 * @param {number} index
 */
function option(candidate, index) {
  return el(
    "div",
    { role: "option", id: `mention-${index}`, class: "option", "data-testid": "mention-option" },
    candidate.isBot ? kindAvatar("bot") : memberAvatar(candidate.userId, candidate.name),
    el("span", { class: "option-name", text: candidate.name }),
    el("span", { class: "option-note", text: candidate.isBot ? t("mentionBot") : candidate.userId }),
  );
}
