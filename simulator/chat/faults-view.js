import { toast } from "./announce.js";
import { changeFaults } from "./api.js";
import { byId, el } from "./dom.js";
import { explain } from "./explain.js";
import { countFaults } from "./header-view.js";
import { nameOf, t } from "./i18n.js";
import { showSocketFaults, socketFaultNodes, socketFaultsOff } from "./socket-faults-view.js";

/**
 * Switches that make the platform misbehave.
 * @import { ChatState } from "./state.js"
 * @import { FaultChange } from "./types.d.ts"
 */

const SLOW_CHOICES_MS = [0, 500, 2000, 6000];
/** Codes that a service meets in practice, and must tell apart (wecom-protocol 3.8). */
const ERRCODES = [-1, 42001, 45009, 45033, 60020, 50002, 81013];

export class FaultsView {
  /** @type {ChatState} */ #state;
  #pane = byId("faults-form", HTMLElement);

  /** @param {ChatState} state */
  constructor(state) {
    this.#state = state;
    state.on(["language", "phase"], () => this.#build());
    state.on(["faults"], () => this.#update());
    this.#build();
  }

  #build() {
    this.#pane.replaceChildren(
      el("p", { class: "pane-intro", text: t("faultsIntro") }),
      this.#switch("duplicateDelivery", t("faultDuplicate"), t("faultDuplicateNote")),
      this.#switch("dropSends", t("faultDrop"), t("faultDropNote")),
      this.#slow(),
      this.#errcode(),
      this.#revoke(),
      ...(this.#state.faults?.socket === undefined
        ? []
        : socketFaultNodes((change) => void this.#change(change), fault)),
      el("button", {
        type: "button",
        class: "button",
        id: "faults-reset",
        "data-testid": "faults-reset",
        text: t("faultReset"),
        onclick: () =>
          void this.#change({
            duplicateDelivery: false,
            dropSends: false,
            slowPlatformMs: 0,
            errcode: null,
            ...(this.#state.faults?.socket === undefined ? {} : socketFaultsOff()),
          }),
      }),
    );
    this.#update();
  }

  /**
   * @param {"duplicateDelivery" | "dropSends"} name
   * @param {string} label
   * @param {string} note
   */
  #switch(name, label, note) {
    const id = `fault-${name}`;
    return fault(
      el("span", { id, text: label }),
      note,
      el("button", {
        type: "button",
        role: "switch",
        class: "switch",
        "data-testid": id,
        "data-fault": name,
        "aria-checked": "false",
        "aria-labelledby": id,
        onclick: () => void this.#change({ [name]: this.#state.faults?.[name] !== true }),
      }),
    );
  }

  #slow() {
    const select = el(
      "select",
      {
        id: "fault-slow",
        "data-testid": "fault-slowPlatformMs",
        onchange: () => void this.#change({ slowPlatformMs: Number(select.value) }),
      },
      ...SLOW_CHOICES_MS.map((ms) =>
        el("option", { value: ms, text: ms === 0 ? t("faultSlowOff") : t("faultSeconds", { count: ms / 1000 }) }),
      ),
    );
    return fault(el("label", { for: "fault-slow", text: t("faultSlow") }), t("faultSlowNote"), select);
  }

  #errcode() {
    const select = el(
      "select",
      {
        id: "fault-errcode",
        "data-testid": "fault-errcode",
        onchange: () => void this.#change({ errcode: select.value === "" ? null : Number(select.value) }),
      },
      el("option", { value: "", text: t("faultErrcodeNone") }),
      ...ERRCODES.map((code) => el("option", { value: code, text: nameOf("errcode", code) })),
    );
    return fault(el("label", { for: "fault-errcode", text: t("faultErrcode") }), t("faultErrcodeNote"), select);
  }

  #revoke() {
    return fault(
      el("span", { text: t("faultRevoke") }),
      t("faultRevokeNote"),
      el("button", {
        type: "button",
        class: "button",
        "data-testid": "fault-revokeToken",
        text: t("faultRevokeDo"),
        onclick: () => void this.#change({ revokeToken: true }),
      }),
      el("p", { class: "fault-note", id: "faults-revoked" }),
    );
  }

  #update() {
    const { faults } = this.#state;
    byId("faults-reset", HTMLButtonElement).disabled = countFaults(faults) === 0;
    if (faults === null) return;
    for (const name of /** @type {const} */ (["duplicateDelivery", "dropSends"])) {
      this.#pane.querySelector(`[data-fault="${name}"]`)?.setAttribute("aria-checked", faults[name] ? "true" : "false");
    }
    choose(byId("fault-slow", HTMLSelectElement), String(faults.slowPlatformMs), (ms) =>
      t("faultSeconds", { count: Number(ms) / 1000 }),
    );
    choose(
      byId("fault-errcode", HTMLSelectElement),
      faults.errcode === null ? "" : String(faults.errcode),
      (code) => code,
    );
    if (faults.socket !== undefined) {
      showSocketFaults(faults.socket, this.#pane, (select, value) => choose(select, value, String));
    }
    const revoked = byId("faults-revoked", HTMLElement);
    revoked.textContent = faults.tokensRevoked > 0 ? t("faultRevoked", { count: faults.tokensRevoked }) : "";
  }

  /** @param {FaultChange} change */
  async #change(change) {
    try {
      this.#state.faults = await changeFaults(change);
    } catch (error) {
      toast(t("faultsFailed", { why: explain(error) }), "bad");
    }
    // also after a refusal: the control goes back to what is true
    this.#state.changed("faults");
  }
}

/**
 * Chooses a value in a select, also one that was set elsewhere and is not in its list.
 * @param {HTMLSelectElement} select
 * @param {string} value
 * @param {(value: string) => string} label
 */
function choose(select, value, label) {
  if (![...select.options].some((option) => option.value === value)) {
    select.append(el("option", { value, text: label(value) }));
  }
  select.value = value;
}

/**
 * @param {HTMLElement} label
 * @param {string} note
 * @param {...HTMLElement} control
 */
function fault(label, note, ...control) {
  label.classList.add("fault-label");
  return el(
    "div",
    { class: "fault" },
    el("div", { class: "fault-text" }, label, el("p", { class: "fault-note", text: note }), ...control.slice(1)),
    ...control.slice(0, 1),
  );
}
