import { byId, el } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Keys that work anywhere in the page, and the sheet that lists all keys.
 * @import { Word } from "./i18n.js"
 */

/** @typedef {{ moveChat: (step: 1 | -1) => void, nextMember: () => void, focusComposer: () => void, togglePanel: () => void, switchLanguage: () => void }} ShortcutDoer */

/** @type {[string[], Word][]} */
const SHEET = [
  [["Enter", "Shift+Enter"], "keySend"],
  [["Alt+↑", "Alt+↓"], "keyChats"],
  [["Alt+M"], "keyMember"],
  [["Alt+I"], "keyComposer"],
  [["↑"], "keyMessages"],
  [["↑", "↓", "Home", "End"], "keyMove"],
  [["Q"], "keyQuote"],
  [["P"], "keyPackets"],
  [["C"], "keyCopy"],
  [["Alt+P"], "keyPanel"],
  [["Alt+L"], "keyLanguage"],
  [["Ctrl+/"], "keyHelp"],
  [["Esc"], "keyEscape"],
];

/** @param {ShortcutDoer} doer */
export function listenToShortcuts(doer) {
  // by the place of a key: with Alt a Mac types "π" where others type "p"
  /** @type {Record<string, () => void>} */
  const withAlt = {
    ArrowUp: () => doer.moveChat(-1),
    ArrowDown: () => doer.moveChat(1),
    KeyM: () => doer.nextMember(),
    KeyI: () => doer.focusComposer(),
    KeyP: () => doer.togglePanel(),
    KeyL: () => doer.switchLanguage(),
  };
  addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]") !== null) return;
    const control = event.ctrlKey || event.metaKey;
    const alt = event.altKey && !control && !event.shiftKey;
    // where "/" needs Shift, Shift may be held
    const does = alt ? withAlt[event.code] : control && event.key === "/" ? showSheet : undefined;
    if (does === undefined) return;
    event.preventDefault();
    does();
  });
  byId("shortcuts-button", HTMLButtonElement).addEventListener("click", showSheet);
}

function showSheet() {
  const close = el("button", { class: "button", value: "close", text: t("close") });
  const dialog = el(
    "dialog",
    { class: "sheet", "aria-labelledby": "shortcuts-title", "data-testid": "shortcuts" },
    el(
      "form",
      { method: "dialog" },
      el("h2", { id: "shortcuts-title", text: t("shortcuts") }),
      el(
        "dl",
        {},
        ...SHEET.map(([keys, word]) =>
          el("div", {}, el("dt", {}, ...keys.map((key) => el("kbd", { text: key }))), el("dd", { text: t(word) })),
        ),
      ),
      el("div", { class: "dialog-actions" }, close),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
