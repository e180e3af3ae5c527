import { byId, countBadge } from "./dom.js";
import { t } from "./i18n.js";

/**
 * The side panel and its tabs.
 * @import { ChatState } from "./state.js"
 * @import { PanelTab } from "./types.d.ts"
 */

/** @type {PanelTab[]} */
const TABS = ["packets", "faults", "flags"];
const COUNT_MAX = 999;

export class PanelView {
  /** @type {ChatState} */ #state;

  /**
   * @param {ChatState} state
   * @param {{ togglePanel: (open: boolean) => void, isDocked: () => boolean }} doer
   */
  constructor(state, doer) {
    this.#state = state;
    byId("panel-toggle", HTMLButtonElement).addEventListener("click", () => doer.togglePanel(!state.panelOpen));
    byId("panel-close", HTMLButtonElement).addEventListener("click", () => doer.togglePanel(false));
    byId("panel", HTMLElement).addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !doer.isDocked()) doer.togglePanel(false);
    });
    for (const tab of TABS) {
      const button = byId(`tab-${tab}`, HTMLButtonElement);
      button.addEventListener("click", () => this.show(tab));
      button.addEventListener("keydown", (event) => this.#move(event, tab));
    }
    state.on(["panel"], () => this.#drawAndFocus(doer.isDocked()));
    state.on(["flags", "language"], () => this.#draw());
  }

  /** @param {PanelTab} tab */
  show(tab) {
    this.#state.panelTab = tab;
    this.#state.changed("panel");
  }

  /**
   * @param {KeyboardEvent} event
   * @param {PanelTab} from
   */
  #move(event, from) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const to = TABS.at((TABS.indexOf(from) + step) % TABS.length);
    if (step === 0 || to === undefined) return;
    event.preventDefault();
    this.show(to);
    byId(`tab-${to}`, HTMLButtonElement).focus();
  }

  /**
   * A panel that lies over the chat takes the focus, and any panel gives it back.
   * @param {boolean} docked
   */
  #drawAndFocus(docked) {
    const panel = byId("panel", HTMLElement);
    const opens = this.#state.panelOpen && panel.hidden;
    const closes = !this.#state.panelOpen && panel.contains(document.activeElement);
    this.#draw();
    if (opens && !docked) byId(`tab-${this.#state.panelTab}`, HTMLButtonElement).focus();
    if (closes) byId("panel-toggle", HTMLButtonElement).focus();
  }

  #draw() {
    const { panelOpen, panelTab, flagsCount } = this.#state;
    document.body.classList.toggle("panel-open", panelOpen);
    byId("panel", HTMLElement).hidden = !panelOpen;
    const toggle = byId("panel-toggle", HTMLButtonElement);
    const label = t(panelOpen ? "hidePanel" : "showPanel");
    toggle.setAttribute("aria-expanded", panelOpen ? "true" : "false");
    toggle.setAttribute("aria-label", label);
    toggle.title = `${label} (Alt+P)`;
    for (const tab of TABS) {
      const button = byId(`tab-${tab}`, HTMLButtonElement);
      button.setAttribute("aria-selected", tab === panelTab ? "true" : "false");
      button.tabIndex = tab === panelTab ? 0 : -1;
      byId(`pane-${tab}`, HTMLElement).hidden = tab !== panelTab;
    }
    const count = byId("flags-count", HTMLElement);
    count.hidden = flagsCount === 0;
    count.replaceChildren(...countBadge(flagsCount, COUNT_MAX, t("flagsCount", { count: flagsCount })));
  }
}
