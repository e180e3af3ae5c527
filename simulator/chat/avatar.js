import { el } from "./dom.js";
import { icon } from "./icons.js";

const HUES = 6;

/**
 * A member's avatar: the last two characters of a Chinese name, the first of another, on a colour of its own.
 * @param {string} userId
 * @param {string} name
 * @returns {HTMLElement}
 */
export function memberAvatar(userId, name) {
  return el("span", { class: `avatar hue-${hueOf(userId)}`, "aria-hidden": "true", text: initials(name) });
}

/**
 * The avatar of something that is not a person.
 * @param {"app" | "bot" | "group"} kind
 * @returns {HTMLElement}
 */
export function kindAvatar(kind) {
  return el("span", { class: `avatar avatar-${kind}`, "aria-hidden": "true" }, icon(kind));
}

/**
 * The avatar of whoever a chat is with.
 * @param {import("./types.d.ts").Chat} chat
 * @returns {HTMLElement}
 */
export function chatAvatar(chat) {
  return kindAvatar(chat.kind === "app" ? "app" : chat.kind === "bot_single" ? "bot" : "group");
}

/**
 * @param {string} name
 * @returns {string}
 */
export function initials(name) {
  const letters = [...name.trim()];
  if (/\p{Script=Han}/u.test(name)) return letters.slice(-2).join("");
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? "")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toUpperCase();
}

/** Colours in the order in which people appear, so that the few there are differ. @type {Map<string, number>} */
const hues = new Map();

/** @param {string} userId */
function hueOf(userId) {
  const hue = hues.get(userId) ?? hues.size % HUES;
  hues.set(userId, hue);
  return hue;
}
