/** The few choices that outlive a visit. A browser may refuse storage altogether (private windows, policies). */

const PREFIX = "yingda-chat-";

/**
 * @param {"language" | "panel"} name
 * @returns {string | null}
 */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/**
 * @param {"language" | "panel"} name
 * @param {string} value
 */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // the choice then lasts as long as the page
  }
}
