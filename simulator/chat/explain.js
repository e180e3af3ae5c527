import { ApiError } from "./api.js";
import { t } from "./i18n.js";

/**
 * Why something did not work, for the person at the keyboard.
 * @param {unknown} error
 * @returns {string}
 */
export function explain(error) {
  if (error instanceof ApiError && error.status !== 0) return error.message;
  return t(error instanceof ApiError && error.code === "timeout" ? "errorTimeout" : "errorNetwork");
}
