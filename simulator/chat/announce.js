import { byId, el } from "./dom.js";
import { icon } from "./icons.js";

const TOAST_MS = 3_500;
/** More at once would cover what they speak of. */
const TOASTS_MAX = 3;

/**
 * Says something to people who do not see the page.
 * @param {string} text
 */
export function announce(text) {
  const region = byId("announcer", HTMLElement);
  // a region whose text stays the same says nothing
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}

/**
 * Shows a short notice for a moment.
 * @param {string} text
 * @param {"good" | "bad"} [tone]
 */
export function toast(text, tone = "good") {
  const region = byId("toasts", HTMLElement);
  const node = el("div", { class: `toast ${tone}` }, icon(tone === "good" ? "check" : "alert"), el("span", { text }));
  region.append(node);
  while (region.children.length > TOASTS_MAX) region.firstElementChild?.remove();
  setTimeout(() => node.remove(), TOAST_MS);
}
