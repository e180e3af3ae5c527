import { en } from "./i18n-en.js";
import { zh } from "./i18n-zh.js";
import { recall, remember } from "./storage.js";

/** The words of the page: Chinese for a browser that speaks it, English for all others, until somebody chooses. */

/** @typedef {keyof typeof zh.words} Word */
/** @typedef {"zh" | "en"} Language */

const DICTIONARIES = { zh, en };

/** @type {Language} */
let language = firstLanguage();

/** Writes the words that index.html asks for by `data-t` (text), `data-t-label` (name) and `data-t-title`. */
export function labelPage() {
  document.documentElement.lang = languageTag();
  for (const node of document.querySelectorAll("[data-t], [data-t-label], [data-t-title]")) {
    if (!(node instanceof HTMLElement)) continue;
    const { t: text, tLabel: label, tTitle: title } = node.dataset;
    if (isWord(text)) node.textContent = t(text);
    if (isWord(label)) node.setAttribute("aria-label", t(label));
    if (isWord(title)) node.title = t(title);
  }
}

/**
 * @param {string | undefined} word
 * @returns {word is Word}
 */
function isWord(word) {
  return word !== undefined && word in zh.words;
}

/** Changes to the other language and remembers it. */
export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  remember("language", language);
}

/** @returns {"zh-CN" | "en"} */
export function languageTag() {
  return language === "zh" ? "zh-CN" : "en";
}

/**
 * A word or sentence; `{name}` in it is replaced by `values.name`.
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(word, values = {}) {
  return DICTIONARIES[language].words[word].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * The name of something that the simulator calls by a code: a category, an action, a packet's kind. What has no name
 * here is shown as it came.
 * @param {keyof typeof zh.names} group
 * @param {string | number} code
 * @returns {string}
 */
export function nameOf(group, code) {
  /** @type {Record<string, string>} */
  const names = DICTIONARIES[language].names[group];
  return (Object.hasOwn(names, code) ? names[code] : undefined) ?? String(code);
}

/**
 * Things to try in a chat, for somebody who has just opened it; places and links go to the app alone (wecom-protocol 2.2).
 * @param {import("./types.d.ts").Chat["kind"]} kind
 * @returns {import("./types.d.ts").Suggestion[]}
 */
export function suggestions(kind) {
  const { suggestions: all, appSuggestions } = DICTIONARIES[language];
  return kind === "app" ? [...all, ...appSuggestions] : all;
}

/** @returns {Language} */
function firstLanguage() {
  const kept = recall("language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
