import { chatAvatar } from "./avatar.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { countSocketFaults } from "./socket-faults-view.js";

/**
 * What stands around the messages: whose chat it is, whether the simulator is there, what to try.
 * @import { ChatState } from "./state.js"
 * @import { Chat, Faults } from "./types.d.ts"
 */

const RECONNECTED_MS = 2_000;

export class HeaderView {
  /** @type {ChatState} */ #state;
  #wasLost = false;

  /**
   * @param {ChatState} state
   * @param {{ retry: () => void, showFaults: () => void }} doer
   */
  constructor(state, doer) {
    this.#state = state;
    for (const id of ["retry-now", "retry-failed"]) byId(id, HTMLButtonElement).addEventListener("click", doer.retry);
    byId("faults-badge", HTMLButtonElement).addEventListener("click", doer.showFaults);
    state.on(["phase", "selection", "faults", "language"], () => this.#draw());
    state.on(["connection", "phase", "language"], () => this.#drawConnection());
  }

  #draw() {
    const { chat, phase, botName } = this.#state;
    document.body.dataset.phase = phase;
    byId("failed", HTMLElement).hidden = phase !== "failed";
    byId("loading", HTMLElement).hidden = phase !== "loading";
    byId("nothing-chosen", HTMLElement).hidden = phase !== "ready" || chat !== undefined;
    byId("conversation", HTMLElement).hidden = phase !== "ready" || chat === undefined;
    if (chat === undefined) return;
    byId("chat-avatar", HTMLElement).replaceChildren(chatAvatar(chat));
    byId("chat-title", HTMLElement).textContent = this.#state.partnerOf(chat);
    byId("chat-kind", HTMLElement).textContent =
      chat.kind === "app"
        ? t("kindApp")
        : chat.kind === "bot_single"
          ? this.#kindOfBot(chat)
          : t("kindGroup", { count: (chat.members ?? []).length, bot: botName });
    const active = countFaults(this.#state.faults);
    byId("faults-badge", HTMLElement).hidden = active === 0;
    byId("faults-badge-text", HTMLElement).textContent = t("faultsActive", { count: active });
  }

  /** @param {Chat} chat */
  #kindOfBot({ socket }) {
    if (socket !== true) return t("kindBot");
    return t(this.#state.faults?.socket?.connected === true ? "kindSocket" : "kindSocketDown");
  }

  #drawConnection() {
    const { connection, phase } = this.#state;
    if (connection === "lost") this.#wasLost = true;
    const back = connection === "live" && this.#wasLost;
    const banner = byId("banner", HTMLElement);
    banner.hidden = phase === "failed" || !this.#wasLost;
    banner.classList.toggle("good", back);
    byId("banner-text", HTMLElement).textContent = t(back ? "reconnected" : "lost");
    byId("retry-now", HTMLElement).hidden = back;
    if (back) setTimeout(() => this.#forgetLoss(), RECONNECTED_MS);
  }

  #forgetLoss() {
    if (this.#state.connection !== "live") return;
    this.#wasLost = false;
    byId("banner", HTMLElement).hidden = true;
  }
}

/**
 * How many faults are in force.
 * @param {Faults | null} faults
 * @returns {number}
 */
export function countFaults(faults) {
  if (faults === null) return 0;
  const active = [faults.duplicateDelivery, faults.dropSends, faults.slowPlatformMs > 0, faults.errcode !== null];
  return active.filter(Boolean).length + countSocketFaults(faults.socket);
}
