import { el } from "./dom.js";
import { nameOf, t } from "./i18n.js";
import { icon } from "./icons.js";
import { formatBytes } from "./media-plan.js";
import { preview } from "./message-list.js";

/**
 * Pictures, voices and files as messages show them.
 * @import { ChatMessage, Media } from "./types.d.ts"
 */

const ICONS = /** @type {const} */ ({ image: "image", voice: "voice", video: "video", file: "file" });

/** @param {Media} media */
export function mediaUrl({ id }) {
  return `/api/media/${encodeURIComponent(id)}`;
}

/** @param {Media} media */
export function mediaNode(media) {
  const { type, name, bytes } = media;
  const label = `${nameOf("media", type)}: ${name}`;
  const link = { href: mediaUrl(media), target: "_blank", rel: "noopener", "data-testid": `media-${type}` };
  if (type === "image") {
    return el("a", { ...link, class: "picture", title: name }, el("img", { src: mediaUrl(media), alt: label }));
  }
  return el(
    "a",
    { ...link, class: "file", "aria-label": `${label}, ${formatBytes(bytes)}` },
    el("span", { class: "file-icon" }, icon(ICONS[type])),
    el(
      "span",
      { class: "file-text" },
      el("span", { class: "file-name", text: name }),
      el("span", { class: "file-note", text: `${nameOf("media", type)} · ${formatBytes(bytes)}` }),
    ),
  );
}

/**
 * One line of a message with what else is in it: `[图片] 这是什么？`
 * @param {{ text: string, media?: Media[] }} message
 * @param {number} unitsMax
 */
export function describe({ text, media = [] }, unitsMax) {
  const labels = media.map(({ type, name }) => (type === "file" ? `[${name}]` : `[${nameOf("media", type)}]`));
  return [...labels, preview(text, unitsMax)].filter((part) => part !== "").join(" ");
}

/**
 * Why a member's message did not go to anybody, in words; "" when it did.
 * @param {ChatMessage} message
 */
export function whyNotCalled({ called, media = [], state }) {
  if (state === "lost") return t("stateLost");
  return called === false && media.length > 0 ? t("notCalled") : "";
}
