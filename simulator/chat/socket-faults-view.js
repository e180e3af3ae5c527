import { el } from "./dom.js";
import { nameOf, t } from "./i18n.js";

/**
 * The faults of the long connection (wecom-protocol 5.3, 5.8): things that happen at once, and things that stay.
 * @import { FaultChange, SocketFaults } from "./types.d.ts"
 */

const DELAYS_MS = [0, 1000, 6000];
const LIVES_MS = [10_000, 60_000];
const REFUSALS = [846605, 846606, 846607, 846608, 846609, 40058, 45009];
const REFUSED_FRAMES = 5;
const SILENCES = /** @type {const} */ (["none", "acks", "all"]);

/**
 * @param {(change: FaultChange) => void} change
 * @param {(label: HTMLElement, note: string, ...control: HTMLElement[]) => HTMLElement} fault lays one out
 */
export function socketFaultNodes(change, fault) {
  const act = (/** @type {"kick" | "drop"} */ name) =>
    fault(
      el("span", { text: t(name === "kick" ? "socketKick" : "socketDrop") }),
      t(name === "kick" ? "socketKickNote" : "socketDropNote"),
      el("button", {
        type: "button",
        class: "button",
        "data-testid": `fault-${name}`,
        text: t(name === "kick" ? "socketKickDo" : "socketDropDo"),
        onclick: () => change({ socket: { act: name } }),
      }),
    );
  return [
    el("h3", { class: "pane-title", text: t("socketTitle") }),
    act("kick"),
    act("drop"),
    choice("silence", t("socketSilence"), t("socketSilenceNote"), SILENCES, (value) => nameOf("silence", value)),
    choice("ackDelayMs", t("socketDelay"), t("socketDelayNote"), DELAYS_MS, (ms) =>
      ms === 0 ? t("faultSlowOff") : t("faultSeconds", { count: Number(ms) / 1000 }),
    ),
    choice("refuse", t("socketRefuse"), t("socketRefuseNote", { count: REFUSED_FRAMES }), ["", ...REFUSALS], (code) =>
      code === "" ? t("faultErrcodeNone") : nameOf("errcode", code),
    ),
    choice("streamLifeMs", t("socketLife"), t("socketLifeNote"), ["", ...LIVES_MS], (ms) =>
      ms === "" ? t("socketLifeUsual") : t("faultSeconds", { count: Number(ms) / 1000 }),
    ),
    fault(
      el("span", { id: "fault-credentials", text: t("socketCredentials") }),
      t("socketCredentialsNote"),
      el("button", {
        type: "button",
        role: "switch",
        class: "switch",
        "data-testid": "fault-badCredentials",
        "aria-checked": "false",
        "aria-labelledby": "fault-credentials",
        onclick: (/** @type {MouseEvent} */ { currentTarget }) => {
          const on = currentTarget instanceof Element && currentTarget.getAttribute("aria-checked") === "true";
          change({ socket: { badCredentials: !on } });
        },
      }),
    ),
  ];

  /**
   * @param {"silence" | "ackDelayMs" | "refuse" | "streamLifeMs"} name
   * @param {string} label
   * @param {string} note
   * @param {readonly (string | number)[]} values
   * @param {(value: string | number) => string} words
   */
  function choice(name, label, note, values, words) {
    const id = `fault-${name}`;
    const select = el(
      "select",
      { id, "data-testid": id, onchange: () => change({ socket: chosen(name, select.value) }) },
      ...values.map((value) => el("option", { value, text: words(value) })),
    );
    return fault(el("label", { for: id, text: label }), note, select);
  }
}

/**
 * What stands in the controls; a select of `form` shows also what was set elsewhere.
 * @param {SocketFaults} faults
 * @param {HTMLElement} form
 * @param {(select: HTMLSelectElement, value: string) => void} choose
 */
export function showSocketFaults(faults, form, choose) {
  const { silence, ackDelayMs, refuse, streamLifeMs, badCredentials } = faults;
  const values = {
    silence,
    ackDelayMs: String(ackDelayMs),
    refuse: refuse === null ? "" : String(refuse.errcode),
    streamLifeMs: streamLifeMs === null ? "" : String(streamLifeMs),
  };
  for (const [name, value] of Object.entries(values)) {
    const select = form.querySelector(`#fault-${name}`);
    if (select instanceof HTMLSelectElement) choose(select, value);
  }
  const credentials = form.querySelector('[data-testid="fault-badCredentials"]');
  credentials?.setAttribute("aria-checked", badCredentials ? "true" : "false");
}

/** All of them off. @returns {FaultChange} */
export function socketFaultsOff() {
  return { socket: { silence: "none", ackDelayMs: 0, refuse: null, streamLifeMs: null, badCredentials: false } };
}

/**
 * How many are in force.
 * @param {SocketFaults | undefined} faults
 */
export function countSocketFaults(faults) {
  if (faults === undefined) return 0;
  const { silence, ackDelayMs, refuse, streamLifeMs, badCredentials } = faults;
  const active = [silence !== "none", ackDelayMs > 0, refuse !== null, streamLifeMs !== null, badCredentials];
  return active.filter(Boolean).length;
}

/**
 * @param {"silence" | "ackDelayMs" | "refuse" | "streamLifeMs"} name
 * @param {string} value
 * @returns {NonNullable<FaultChange["socket"]>}
 */
function chosen(name, value) {
  const number = value === "" ? null : Number(value);
  if (name === "silence") return { silence: SILENCES.find((silence) => silence === value) ?? "none" };
  if (name === "ackDelayMs") return { ackDelayMs: number ?? 0 };
  if (name === "streamLifeMs") return { streamLifeMs: number };
  return { refuse: number === null ? null : { errcode: number, times: REFUSED_FRAMES } };
}
