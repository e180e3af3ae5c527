import { chatAvatar } from "./avatar.js";
import { byId, el } from "./dom.js";
import { suggestions } from "./i18n.js";

/**
 * Things to try, for as long as nobody has written in a chat.
 * @import { ChatState } from "./state.js"
 */

export class SuggestionsView {
  /** @type {ChatState} */ #state;
  /** @type {(text: string) => void} */ #send;
  #drawnFor = "";

  /**
   * @param {ChatState} state
   * @param {(text: string) => void} send
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
    const box = byId("suggestions", HTMLElement);
    box.hidden = chat === undefined || thread.some(({ from }) => from.kind === "member");
    byId("hero", HTMLElement).hidden = thread.length > 0;
    if (box.hidden || chat === undefined || this.#drawnFor === viewKey) return;
    this.#drawnFor = viewKey;
    byId("hero-avatar", HTMLElement).replaceChildren(chatAvatar(chat));
    byId("hero-title", HTMLElement).textContent = this.#state.partnerOf(chat);
    // in a group the bot hears only what names it
    const prefix = chat.kind === "bot_group" ? `@${this.#state.botName} ` : "";
    byId("chips", HTMLElement).replaceChildren(
      ...suggestions().map(({ label, text }, index) =>
        el("button", {
          type: "button",
          class: "chip",
          title: prefix + text,
          "data-testid": `suggestion-${index}`,
          text: label,
          onclick: () => this.#send(prefix + text),
        }),
      ),
    );
  }
}
