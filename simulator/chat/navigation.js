import { recall, remember } from "./storage.js";

/**
 * What is on the screen: the chat, who speaks, and the panel. Kept in the address, so that a reload stays where it was
 * and a phone's back button goes back.
 * @import { ChatState } from "./state.js"
 */

/** @typedef {{ chatId: string, me: string, panel: boolean }} Route */

/** Below this one view at a time is shown; below the other the panel lies over the chat (the same figures as in layout.css). */
const NARROW = matchMedia("(max-width: 760px)");
const DOCKED = matchMedia("(min-width: 1120px)");

/**
 * @param {string} hash
 * @returns {Route}
 */
export function parseRoute(hash) {
  const [chatId = "", me = "", panel = ""] = hash
    .replace(/^#\/?/, "")
    .split("/")
    .map((part) => decode(part));
  return { chatId, me, panel: panel === "panel" };
}

/**
 * @param {Route} route
 * @returns {string}
 */
export function formatRoute({ chatId, me, panel }) {
  return `#/${[chatId, me].map(encodeURIComponent).join("/")}${panel ? "/panel" : ""}`;
}

export class Navigation {
  /** @type {ChatState} */ #state;
  /** @type {(chatId: string, me: string) => void} */ #opened;
  #lastOpened = "";

  /**
   * @param {ChatState} state
   * @param {(chatId: string, me: string) => void} opened a member has a chat before their eyes
   */
  constructor(state, opened) {
    this.#state = state;
    this.#opened = opened;
    addEventListener("popstate", () => this.start());
    NARROW.addEventListener("change", () => this.start());
    DOCKED.addEventListener("change", () => this.start());
  }

  get narrow() {
    return NARROW.matches;
  }

  /** Whether the panel stands beside the chat and hides nothing. */
  get docked() {
    return DOCKED.matches;
  }

  /** Goes where the address says, as far as it makes sense. */
  start() {
    const route = parseRoute(location.hash);
    const { members, chats, me } = this.#state;
    const member = members.some(({ userId }) => userId === route.me) ? route.me : me;
    const first = (chats.find(({ kind }) => kind === "bot_single") ?? chats[0])?.id ?? "";
    const chatId = chats.some(({ id }) => id === route.chatId) ? route.chatId : this.narrow ? "" : first;
    this.#show({
      chatId,
      me: member,
      panel: DOCKED.matches ? recall("panel") !== "closed" : route.panel && chatId !== "",
    });
  }

  /** @param {string} chatId */
  openChat(chatId) {
    this.#go({ chatId, me: this.#state.me, panel: this.docked && this.#state.panelOpen }, this.narrow);
  }

  /** @param {string} me */
  speakAs(me) {
    this.#go({ chatId: this.#state.chatId, me, panel: this.#state.panelOpen }, false);
  }

  /**
   * @param {string} chatId
   * @param {string} me
   */
  goTo(chatId, me) {
    this.#go({ chatId, me, panel: this.docked && this.#state.panelOpen }, false);
  }

  /** @param {boolean} open */
  togglePanel(open) {
    if (open === this.#state.panelOpen) return;
    if (this.docked) remember("panel", open ? "open" : "closed");
    if (!open && history.state?.panel === true) history.back();
    else this.#go({ chatId: this.#state.chatId, me: this.#state.me, panel: open }, !this.docked && open);
  }

  /** From the chat to the list, on a phone. */
  backToList() {
    if (history.state?.chat === true) history.back();
    else this.#go({ chatId: "", me: this.#state.me, panel: false }, false);
  }

  /**
   * @param {Route} route
   * @param {boolean} deeper the back button should undo this
   */
  #go(route, deeper) {
    const hash = formatRoute({ ...route, panel: route.panel && !this.docked });
    if (deeper) history.pushState({ chat: !route.panel, panel: route.panel }, "", hash);
    else history.replaceState(history.state, "", hash);
    this.#show(route);
  }

  /** @param {Route} route */
  #show({ chatId, me, panel }) {
    this.#state.panelOpen = panel;
    this.#state.select(chatId, me);
    document.body.classList.toggle("chat-open", chatId !== "");
    // what a phone's panel covers must not be reached by keyboard either
    for (const covered of document.querySelectorAll("main, nav, .rail"))
      covered.toggleAttribute("inert", panel && this.narrow);
    this.#state.changed("panel");
    const opened = `${chatId} ${me}`;
    if (chatId !== "" && opened !== this.#lastOpened) this.#opened(chatId, me);
    this.#lastOpened = opened;
  }
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
