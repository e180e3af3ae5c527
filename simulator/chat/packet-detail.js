import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { copyMessage } from "./message-actions.js";
import { formatBody } from "./packet-format.js";
import { formatTime } from "./time.js";

/**
 * One packet, to be read: request and reply, decrypted and as they were on the wire.
 * @import { ChatState } from "./state.js"
 * @import { Packet } from "./types.d.ts"
 */

/** Setting out a media file of megabytes would freeze the page. */
const SHOWN_KIB_MAX = 64;

/** @typedef {"request" | "reply"} Side */
/** @typedef {"plain" | "raw"} Form */

export class PacketDetail {
  /** @type {ChatState} */ #state;
  /** @type {(messageId: string) => void} */ #goTo;
  #box = byId("packet-detail", HTMLElement);
  /** @type {Side} */ #side = "request";
  /** @type {Form} */ #form = "plain";
  /** @type {Packet | undefined} */ #packet;

  /**
   * @param {ChatState} state
   * @param {(messageId: string) => void} goTo
   */
  constructor(state, goTo) {
    this.#state = state;
    this.#goTo = goTo;
    state.on(["packetChoice"], () => this.#draw());
    state.on(["packets"], () => this.#find() !== this.#packet && this.#draw());
    state.on(["language"], () => this.#draw());
  }

  #find() {
    return this.#state.packets.find((packet) => packet.id === this.#state.packetId);
  }

  #draw() {
    const packet = this.#find();
    this.#packet = packet;
    this.#box.hidden = packet === undefined;
    if (packet === undefined) return;
    const body = bodyOf(packet, this.#side, this.#form);
    const shown = (body ?? "").slice(0, SHOWN_KIB_MAX * 1024);
    this.#box.replaceChildren(
      this.#head(packet),
      el(
        "div",
        { class: "packet-choices" },
        this.#choice("side", this.#side, [
          ["request", t("packetRequest")],
          ["reply", t("packetReply")],
        ]),
        this.#choice("form", this.#form, [
          ["plain", t("packetPlain")],
          ["raw", t("packetRaw")],
        ]),
        el("button", {
          type: "button",
          class: "link-button",
          text: t("copy"),
          disabled: body === undefined,
          onclick: () => void copyMessage(body ?? ""),
        }),
      ),
      ...((body ?? "").length > shown.length
        ? [el("p", { class: "pane-note", text: t("packetCut", { kib: SHOWN_KIB_MAX }) })]
        : []),
      el(
        "pre",
        { class: "packet-body", tabindex: 0, "data-testid": "packet-body", "aria-label": t("packetDetail") },
        el("code", {}, ...drawBody(body, shown, packet)),
      ),
    );
  }

  /** @param {Packet} packet */
  #head(packet) {
    const { messageId } = packet;
    const known = messageId !== undefined && this.#state.threads.find(messageId) !== undefined;
    return el(
      "div",
      { class: "packet-head" },
      el("strong", { text: packet.kind }),
      el("span", {
        class: "packet-meta",
        text: [
          t(packet.direction === "to_service" ? "toService" : "toPlatform"),
          formatTime(packet.atMs, "seconds"),
          t("packetTook", { ms: Math.round(packet.tookMs) }),
        ].join(" · "),
      }),
      known
        ? el("button", {
            type: "button",
            class: "link-button",
            "data-testid": "packet-to-message",
            text: t("packetToMessage"),
            onclick: () => this.#goTo(messageId),
          })
        : null,
    );
  }

  /**
   * A row of buttons of which one is pressed.
   * @param {"side" | "form"} what
   * @param {Side | Form} chosen
   * @param {[Side | Form, string][]} choices
   */
  #choice(what, chosen, choices) {
    return el(
      "div",
      { class: "segmented", role: "group" },
      ...choices.map(([value, label]) =>
        el("button", {
          type: "button",
          "aria-pressed": value === chosen ? "true" : "false",
          "data-testid": `packet-${value}`,
          text: label,
          onclick: () => {
            if (what === "side") this.#side = value === "reply" ? "reply" : "request";
            else this.#form = value === "raw" ? "raw" : "plain";
            this.#draw();
            const pressed = this.#box.querySelector(`[data-testid="packet-${value}"]`);
            if (pressed instanceof HTMLElement) pressed.focus();
          },
        }),
      ),
    );
  }
}

/**
 * @param {Packet} packet
 * @param {Side} side
 * @param {Form} form
 * @returns {string | undefined} undefined: there was none
 */
function bodyOf(packet, side, form) {
  if (side === "request") return form === "plain" ? packet.plain : packet.raw;
  return form === "plain" ? packet.replyPlain : packet.replyRaw;
}

/**
 * @param {string | undefined} body
 * @param {string} shown
 * @param {Packet} packet
 */
function drawBody(body, shown, { status }) {
  if (body === undefined) return [el("i", { text: t(status === 200 ? "packetNoReplyDue" : "packetNoReply") })];
  if (body === "") return [el("i", { text: t("packetEmptyBody") })];
  return formatBody(shown).map(({ kind, text }) =>
    kind === "mark" || kind === "text" ? text : el("span", { class: `lex-${kind}`, text }),
  );
}
