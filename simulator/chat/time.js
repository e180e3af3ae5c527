import { languageTag, t } from "./i18n.js";

/** @typedef {"clock" | "seconds" | "date"} Shape */

/** @type {Record<Shape, Intl.DateTimeFormatOptions>} */
const SHAPES = {
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  seconds: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  date: { month: "short", day: "numeric" },
};

/** Making a formatter is slow, using it is not. @type {Map<string, Intl.DateTimeFormat>} */
const formatters = new Map();

/**
 * @param {number} atMs
 * @param {Shape} shape
 * @returns {string}
 */
export function formatTime(atMs, shape) {
  const key = `${languageTag()} ${shape}`;
  const formatter = formatters.get(key) ?? new Intl.DateTimeFormat(languageTag(), SHAPES[shape]);
  formatters.set(key, formatter);
  return formatter.format(atMs);
}

/**
 * Time with as much of the date as it takes: "10:21", "昨天 10:21", "11月2日 10:21".
 * @param {number} atMs
 * @param {number} [nowMs]
 * @returns {string}
 */
export function formatMoment(atMs, nowMs = Date.now()) {
  const days = dayNumber(nowMs) - dayNumber(atMs);
  const clock = formatTime(atMs, "clock");
  if (days === 0) return clock;
  return `${days === 1 ? t("yesterday") : formatTime(atMs, "date")} ${clock}`;
}

/** @param {number} atMs */
function dayNumber(atMs) {
  const day = new Date(atMs);
  return Math.round(Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) / 86_400_000);
}
