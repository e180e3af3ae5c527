import { byId, el, syncList } from "./dom.js";
import { FollowScroll } from "./follow-scroll.js";
import { t } from "./i18n.js";
import { countKinds, PACKETS_MAX, preview } from "./message-list.js";
import { outcomeOf } from "./packet-format.js";
import { formatTime } from "./time.js";

/**
 * The packets between platform and service, the newest last.
 * @import { ChatState } from "./state.js"
 * @import { Packet } from "./types.d.ts"
 */

const FILTER_UNITS_MAX = 40;

export class PacketsView {
  /** @type {ChatState} */ #state;
  #list = byId("packets", HTMLElement);
  #kinds = byId("packet-kinds", HTMLElement);
  /** @type {FollowScroll} */ #follow;

  /** @param {ChatState} state */
  constructor(state) {
    this.#state = state;
    const scroller = byId("packet-scroller", HTMLElement);
    this.#follow = new FollowScroll(scroller, this.#list, () => {});
    byId("packet-filter-clear", HTMLButtonElement).addEventListener("click", () => state.choosePacketsOf(""));
    this.#list.addEventListener("keydown", (event) => this.#move(event));
    state.on(["packets", "packetChoice", "phase"], () => this.#draw());
    state.on(["language"], () => {
      this.#list.replaceChildren();
      this.#kinds.replaceChildren();
      this.#draw();
    });
  }

  #draw() {
    const { packets, shownPackets: shown, packetId, packetMessageId } = this.#state;
    this.#drawKinds(packets);
    const about = this.#state.threads.find(packetMessageId);
    byId("packet-filter", HTMLElement).hidden = packetMessageId === "";
    byId("packet-filter-text", HTMLElement).textContent = t("packetsOfMessage", {
      text: preview(about?.text ?? "", FILTER_UNITS_MAX),
    });
    const tabbable = shown.find((packet) => packet.id === packetId) ?? shown.at(-1);
    syncList(this.#list, shown, {
      key: (packet) => packet.id,
      make: (packet) => this.#row(packet),
      update: (node, packet) => {
        const button = node.querySelector("button");
        if (packet.id === packetId) button?.setAttribute("aria-current", "true");
        else button?.removeAttribute("aria-current");
        if (button) button.tabIndex = packet === tabbable ? 0 : -1;
      },
    });
    byId("packets-older", HTMLElement).hidden = packets.length < PACKETS_MAX || packetMessageId !== "";
    byId("packets-older", HTMLElement).textContent = t("packetsOlder", { max: PACKETS_MAX });
    const empty = byId("packets-empty", HTMLElement);
    empty.hidden = shown.length > 0;
    byId("packets-empty-text", HTMLElement).textContent = t(packets.length === 0 ? "packetsEmpty" : "packetsNone");
  }

  /** @param {readonly Packet[]} packets */
  #drawKinds(packets) {
    const counts = countKinds(packets);
    const { packetKind } = this.#state;
    // a kind that is chosen stays, even when its packets have gone
    if (packetKind !== "" && !counts.has(packetKind)) counts.set(packetKind, 0);
    /** @type {[string, number][]} */
    const kinds = [["", packets.length], ...counts];
    this.#kinds.hidden = packets.length === 0;
    syncList(this.#kinds, kinds, {
      key: ([kind]) => kind,
      make: ([kind]) =>
        el(
          "button",
          {
            type: "button",
            class: "chip small",
            "data-testid": kind === "" ? "packet-kind-all" : "packet-kind",
            onclick: () => this.#chooseKind(kind),
          },
          el("span", { text: kind === "" ? t("packetsAll") : kind }),
          el("span", { class: "chip-count" }),
        ),
      update: (node, [kind, count]) => {
        node.setAttribute("aria-pressed", kind === packetKind ? "true" : "false");
        const number = node.querySelector(".chip-count");
        if (number) number.textContent = String(count);
      },
    });
  }

  /** @param {string} kind */
  #chooseKind(kind) {
    this.#state.packetKind = kind;
    this.#follow.toEnd();
    this.#state.changed("packets");
  }

  /** @param {Packet} packet */
  #row(packet) {
    const outcome = outcomeOf(packet);
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "packet",
          "data-testid": "packet",
          "data-kind": packet.kind,
          onclick: () => this.#state.choosePacket(packet.id),
        },
        el("span", {
          class: `arrow ${packet.direction}`,
          title: t(packet.direction === "to_service" ? "toService" : "toPlatform"),
          text: packet.direction === "to_service" ? "→" : "←",
        }),
        el("span", { class: "packet-kind", text: packet.kind }),
        packet.attempt !== undefined && packet.attempt > 1
          ? el("span", { class: "packet-attempt", text: t("packetAttempt", { count: packet.attempt }) })
          : null,
        el("span", { class: `status ${outcome.good ? "good" : "bad"}`, text: outcome.text }),
        el("span", { class: "packet-took", text: t("packetTook", { ms: Math.round(packet.tookMs) }) }),
        el("span", { class: "packet-time", text: formatTime(packet.atMs, "seconds") }),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button.isSameNode(document.activeElement));
    const to = buttons[at + step];
    if (at === -1 || to === undefined) return;
    event.preventDefault();
    to.click();
    to.focus();
  }
}
