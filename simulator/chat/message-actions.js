import { toast } from "./announce.js";
import { copyText, el } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * What can be done with a message: in a toolbar beside the one that is pointed at, in a menu on a right click, and by
 * a key while it has the focus.
 * @import { ChatMessage } from "./types.d.ts"
 * @import { IconName } from "./icons.js"
 * @import { Word } from "./i18n.js"
 */

/** @typedef {{ quote: (m: ChatMessage) => void, packets: (m: ChatMessage) => void }} MessageDoer */
/** @typedef {{ id: string, key: string, icon: IconName, word: Word, run: (m: ChatMessage) => void }} Action */

/**
 * @param {MessageDoer} doer
 * @returns {Action[]}
 */
export function messageActions(doer) {
  return [
    { id: "quote", key: "q", icon: "quote", word: "quote", run: (message) => doer.quote(message) },
    { id: "copy", key: "c", icon: "copy", word: "copy", run: (message) => void copyMessage(message.text) },
    { id: "packets", key: "p", icon: "packets", word: "showPackets", run: (message) => doer.packets(message) },
  ];
}

/**
 * @param {Action[]} actions
 * @param {() => ChatMessage} message its newest version, since an answer may still be growing
 * @returns {HTMLElement}
 */
export function actionToolbar(actions, message) {
  const tools = el(
    "div",
    { class: "tools", role: "group", "aria-label": t("messageActions") },
    ...actions.map((action) =>
      el(
        "button",
        {
          type: "button",
          class: "tool",
          title: `${t(action.word)} (${action.key.toUpperCase()})`,
          "aria-label": t(action.word),
          "data-testid": `action-${action.id}`,
          onclick: () => action.run(message()),
        },
        icon(action.icon),
      ),
    ),
  );
  // of no height and sticky, so that it stays in sight beside a bubble that is longer than the screen
  return el("div", { class: "toolbar" }, tools);
}

/**
 * Opens the menu at a point and gives the focus back when it closes.
 * @param {Action[]} actions
 * @param {ChatMessage} message
 * @param {{ x: number, y: number, returnTo: HTMLElement }} at
 */
export function openActionMenu(actions, message, at) {
  const items = actions.map((action) =>
    el(
      "button",
      {
        type: "button",
        role: "menuitem",
        tabindex: -1,
        onclick: () => {
          close(true);
          action.run(message);
        },
      },
      icon(action.icon),
      el("span", { text: t(action.word) }),
      el("kbd", { text: action.key.toUpperCase() }),
    ),
  );
  const menu = el("div", { class: "menu", role: "menu", "aria-label": t("messageActions") }, ...items);
  const outside = (/** @type {Event} */ event) => {
    if (!(event.target instanceof Node && menu.contains(event.target))) close(false);
  };
  const close = (/** @type {boolean} */ giveBack) => {
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("wheel", outside, true);
    menu.remove();
    if (giveBack) at.returnTo.focus({ preventScroll: true });
  };
  menu.addEventListener("keydown", (event) => {
    const index = items.findIndex((item) => item.isSameNode(document.activeElement));
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) items.at((index + step) % items.length)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  (document.querySelector("main") ?? document.body).append(menu);
  menu.style.left = `${Math.max(8, Math.min(at.x, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(at.y, innerHeight - menu.offsetHeight - 8))}px`;
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("wheel", outside, true);
  items[0]?.focus();
}

/** @param {string} text */
export async function copyMessage(text) {
  const done = await copyText(text);
  toast(done ? t("copied") : t("copyFailed"), done ? "good" : "bad");
}
