import { byId, el, syncList } from "./dom.js";
import { nameOf, t } from "./i18n.js";
import { formatMoment } from "./time.js";

/**
 * What an admin would be asked to look at.
 * @import { ChatState } from "./state.js"
 * @import { Flag } from "./types.d.ts"
 */

/** The newest; the review console is the place to see more, and a page with thousands of cards is slow. */
const FLAGS_SHOWN_MAX = 100;

export class FlagsView {
  /** @type {ChatState} */ #state;
  #list = byId("flags", HTMLElement);

  /** @param {ChatState} state */
  constructor(state) {
    this.#state = state;
    state.on(["flags", "phase"], () => this.#draw());
    state.on(["language"], () => {
      this.#list.replaceChildren();
      this.#draw();
    });
  }

  #draw() {
    const { flags, flagsPhase } = this.#state;
    const shown = flagsPhase === "ready" ? flags.toSorted((a, b) => b.atMs - a.atMs).slice(0, FLAGS_SHOWN_MAX) : [];
    syncList(this.#list, shown, {
      key: (flag) => flag.caseNumber,
      make: (flag) => this.#card(flag),
    });
    const empty = byId("flags-empty", HTMLElement);
    empty.hidden = shown.length > 0;
    const title = { loading: "", ready: t("flagsEmpty"), missing: t("flagsNone"), failed: t("flagsFailed") }[
      flagsPhase
    ];
    byId("flags-empty-title", HTMLElement).textContent = title;
    byId("flags-empty-hint", HTMLElement).textContent = flagsPhase === "ready" ? t("flagsEmptyHint") : "";
  }

  /** @param {Flag} flag */
  #card(flag) {
    return el(
      "li",
      { class: "flag", "data-testid": "flag", "data-direction": flag.direction },
      el(
        "div",
        { class: "flag-head" },
        el("span", { class: `severity ${flag.severity.toLowerCase()}`, text: nameOf("severity", flag.severity) }),
        el("strong", { text: nameOf("action", flag.action) }),
        el("span", { class: "flag-direction", text: nameOf("direction", flag.direction) }),
        el("span", { class: "flag-time", text: formatMoment(flag.atMs) }),
      ),
      el("p", { class: "flag-text", text: flag.text }),
      el(
        "div",
        { class: "flag-foot" },
        ...flag.categories.map((category) => el("span", { class: "tag", text: nameOf("category", category) })),
        el("span", { class: "flag-who", text: this.#state.nameOf(flag.userId) }),
        el("code", { text: flag.caseNumber }),
      ),
    );
  }
}
