import { chatAvatar } from "./avatar.js";
import { byId, el } from "./dom.js";
import { suggestions } from "./i18n.js";

/**
 * Things to try: in the middle of a chat in which nobody has written, later in a row above the box.
 * @import { ChatState } from "./state.js"
 * @import { Suggestion } from "./types.d.ts"
 */

export class SuggestionsView {
  /** @type {ChatState} */ #state;
  /** @type {(text: string, more: Omit<Suggestion, "label" | "text">) => void} */ #send;
  #drawnFor = "";

  /**
   * @param {ChatState} state
   * @param {(text: string, more: Omit<Suggestion, "label" | "text">) => void} send
   */
  constructor(state, send) {
    this.#state = state;
    this.#send = send;
    state.on(["messages", "selection"], () => this.#draw());
    state.on(["language"], () => {
      this.#drawnFor = "";
      this.#draw();
    });
  }

  #draw() {
    const { chat, viewKey } = this.#state;
    const thread = this.#state.threads.of(viewKey);
    const begun = thread.some(({ from }) => from.kind === "member");
    const box = byId("suggestions", HTMLElement);
    const strip = byId("strip", HTMLElement);
    const chips = byId("chips", HTMLElement);
    box.hidden = chat === undefined || begun;
    strip.hidden = chat === undefined || !begun;
    const home = begun ? strip : box;
    if (chips.parentElement !== home) home.append(chips);
    byId("hero", HTMLElement).hidden = thread.length > 0;
    if (chat === undefined || this.#drawnFor === viewKey) return;
    this.#drawnFor = viewKey;
    byId("hero-avatar", HTMLElement).replaceChildren(chatAvatar(chat));
    byId("hero-title", HTMLElement).textContent = this.#state.partnerOf(chat);
    // in a group the bot hears only what names it
    const prefix = chat.kind === "bot_group" ? `@${this.#state.botName} ` : "";
    chips.replaceChildren(
      ...suggestions(chat.kind).map(({ label, text, ...more }, index) =>
        el("button", {
          type: "button",
          class: "chip",
          title: prefix + text,
          "data-testid": `suggestion-${index}`,
          text: label,
          onclick: () => this.#send(prefix + text, more),
        }),
      ),
    );
  }
}
