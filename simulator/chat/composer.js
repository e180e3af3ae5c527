import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { MentionPopup } from "./mention-popup.js";
import { preview } from "./message-list.js";

/**
 * Where messages are written: text, quote, mentions; a draft for each thread.
 * @import { ChatState } from "./state.js"
 * @import { Candidate } from "./mention.js"
 * @import { ChatMessage } from "./types.d.ts"
 */

/** @typedef {{ text: string, quote: ChatMessage | undefined }} Draft */

const QUOTE_UNITS_MAX = 120;
/** About eight lines; longer texts scroll, so that the messages stay in sight. */
const INPUT_PX_MAX = 176;

export class Composer {
  /** @type {ChatState} */ #state;
  /** @type {(text: string, quote: ChatMessage | undefined) => void} */ #send;
  #form = byId("composer", HTMLFormElement);
  #input = byId("input", HTMLTextAreaElement);
  #button = byId("send", HTMLButtonElement);
  #quoteBar = byId("quote-bar", HTMLElement);
  /** @type {MentionPopup} */ #mentions;
  /** @type {ChatMessage | undefined} */ #quote;
  /** One for each thread there is, so bounded by chats × members. @type {Map<string, Draft>} */ #drafts = new Map();
  #key = "";

  /**
   * @param {ChatState} state
   * @param {(text: string, quote: ChatMessage | undefined) => void} send
   * @param {() => void} goUp the arrow up in an empty box
   */
  constructor(state, send, goUp) {
    this.#state = state;
    this.#send = send;
    this.#mentions = new MentionPopup(this.#input, () => this.#candidates());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener("input", () => this.#fit());
    this.#input.addEventListener("keydown", (event) => {
      // Enter that ends a pinyin word is not "send"; 229 is how Safari says so
      if (event.isComposing || event.keyCode === 229 || this.#mentions.handleKey(event)) return;
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#submit();
      } else if (event.key === "Escape" && this.#quote !== undefined) this.quote(undefined);
      else if (event.key === "ArrowUp" && this.#input.value === "") {
        event.preventDefault();
        goUp();
      }
    });
    byId("quote-cancel", HTMLButtonElement).addEventListener("click", () => this.quote(undefined));
    state.on(["selection"], () => this.#changeThread());
    state.on(["language"], () => this.#label());
  }

  focus() {
    this.#input.focus();
  }

  /** @param {ChatMessage | undefined} message what the next message quotes */
  quote(message) {
    this.#showQuote(message);
    this.focus();
  }

  /** @param {ChatMessage | undefined} message */
  #showQuote(message) {
    this.#quote = message;
    this.#quoteBar.hidden = message === undefined;
    if (message === undefined) return;
    byId("quote-name", HTMLElement).textContent = t("quoting", { name: message.from.name });
    byId("quote-text", HTMLElement).textContent = preview(message.text, QUOTE_UNITS_MAX);
  }

  #submit() {
    const text = this.#input.value.trim();
    if (text === "" || this.#state.viewKey === "") return;
    this.#send(text, this.#quote);
    this.#input.value = "";
    this.quote(undefined);
    this.#fit();
  }

  #changeThread() {
    const key = this.#state.viewKey;
    this.#label();
    if (key === this.#key) return;
    this.#drafts.set(this.#key, { text: this.#input.value, quote: this.#quote });
    const draft = this.#drafts.get(key);
    this.#key = key;
    this.#mentions.close();
    this.#input.value = draft?.text ?? "";
    this.#showQuote(draft?.quote);
    this.#fit();
  }

  #label() {
    const { chat } = this.#state;
    const name = chat === undefined ? "" : this.#state.partnerOf(chat);
    this.#input.placeholder = t(chat?.kind === "bot_group" ? "placeholderGroup" : "placeholder", { name });
    this.#input.setAttribute("aria-label", `${t("composer")}: ${name}`);
  }

  #fit() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, INPUT_PX_MAX)}px`;
    this.#button.disabled = this.#input.value.trim() === "";
  }

  /** @returns {Candidate[]} */
  #candidates() {
    const { chat, me, botName } = this.#state;
    if (chat?.kind !== "bot_group") return [];
    const members = (chat.members ?? []).filter((userId) => userId !== me);
    return [
      { userId: "", name: botName, isBot: true },
      ...members.map((userId) => ({ userId, name: this.#state.nameOf(userId), isBot: false })),
    ];
  }
}
