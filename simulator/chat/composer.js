import { Attachments } from "./attachments.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { planMessages } from "./media-plan.js";
import { describe } from "./media-view.js";
import { MentionPopup } from "./mention-popup.js";

/**
 * Where messages are written: text, files, quote, mentions; a draft for each thread.
 * @import { ChatState } from "./state.js"
 * @import { Attachment } from "./attachments.js"
 * @import { Candidate } from "./mention.js"
 * @import { ChatMessage, Media } from "./types.d.ts"
 */

/** @typedef {{ text: string, quote: ChatMessage | undefined, attachments: Attachment[] }} Draft */

const QUOTE_UNITS_MAX = 120;
/** About eight lines; longer texts scroll, so that the messages stay in sight. */
const INPUT_PX_MAX = 176;

export class Composer {
  /** @type {ChatState} */ #state;
  /** @type {(text: string, quote: ChatMessage | undefined, media: Media[]) => void} */ #send;
  #form = byId("composer", HTMLFormElement);
  #input = byId("input", HTMLTextAreaElement);
  #button = byId("send", HTMLButtonElement);
  #quoteBar = byId("quote-bar", HTMLElement);
  /** @type {MentionPopup} */ #mentions;
  /** @type {Attachments} */ #attachments;
  /** @type {ChatMessage | undefined} */ #quote;
  /** One for each thread there is, so bounded by chats × members. @type {Map<string, Draft>} */ #drafts = new Map();
  #key = "";

  /**
   * @param {ChatState} state
   * @param {(text: string, quote: ChatMessage | undefined, media: Media[]) => void} send
   * @param {() => void} goUp the arrow up in an empty box
   */
  constructor(state, send, goUp) {
    this.#state = state;
    this.#send = send;
    this.#mentions = new MentionPopup(this.#input, () => this.#candidates());
    this.#attachments = new Attachments(() => {
      this.#fit();
      this.#label();
    });
    this.#listenToFiles();
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
    byId("quote-text", HTMLElement).textContent = describe(message, QUOTE_UNITS_MAX);
  }

  #submit() {
    const text = this.#input.value.trim();
    const { media, busy } = this.#attachments;
    const { chat, viewKey } = this.#state;
    if ((text === "" && media.length === 0) || busy || chat === undefined || viewKey === "") return;
    for (const [index, plan] of planMessages(chat.kind, text, media).entries()) {
      this.#send(plan.text, index === 0 ? this.#quote : undefined, plan.media);
    }
    this.#input.value = "";
    this.#attachments.list = [];
    this.quote(undefined);
    this.#fit();
  }

  #changeThread() {
    const key = this.#state.viewKey;
    this.#label();
    if (key === this.#key) return;
    this.#drafts.set(this.#key, {
      text: this.#input.value,
      quote: this.#quote,
      attachments: this.#attachments.list,
    });
    const draft = this.#drafts.get(key);
    this.#key = key;
    this.#mentions.close();
    this.#input.value = draft?.text ?? "";
    this.#attachments.list = draft?.attachments ?? [];
    this.#showQuote(draft?.quote);
    this.#fit();
  }

  /** Files are pasted into the box and dropped anywhere on the chat. */
  #listenToFiles() {
    const zone = byId("conversation", HTMLElement);
    this.#input.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#attachments.add(files);
    });
    zone.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.#form.classList.add("dropping");
    });
    zone.addEventListener("dragleave", (event) => {
      if (event.relatedTarget instanceof Node && zone.contains(event.relatedTarget)) return;
      this.#form.classList.remove("dropping");
    });
    zone.addEventListener("drop", (event) => {
      this.#form.classList.remove("dropping");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#attachments.add(files);
      this.focus();
    });
  }

  #label() {
    const { chat } = this.#state;
    const name = chat === undefined ? "" : this.#state.partnerOf(chat);
    const speaks = this.#attachments.media.some(({ type }) => type === "voice") && chat?.kind !== "app";
    const plain = chat?.kind === "bot_group" ? "placeholderGroup" : "placeholder";
    this.#input.placeholder = t(speaks ? "placeholderVoice" : plain, { name });
    this.#input.setAttribute("aria-label", `${t("composer")}: ${name}`);
  }

  #fit() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, INPUT_PX_MAX)}px`;
    const empty = this.#input.value.trim() === "" && this.#attachments.media.length === 0;
    this.#button.disabled = empty || this.#attachments.busy;
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
