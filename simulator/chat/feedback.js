import { el } from "./dom.js";
import { nameOf, t } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * Thumbs under an AI bot's answer, as WeCom's own client shows them (wecom-protocol 4.6).
 * @import { FeedbackType } from "./types.d.ts"
 */

const ACCURATE = 1;
const INACCURATE = 2;
const TAKEN_BACK = 3;
const REASONS = [1, 2, 3, 4];
const COMMENT_UNITS_MAX = 500;

/**
 * @param {FeedbackType | undefined} given
 * @param {(type: FeedbackType) => void} rate
 * @returns {HTMLElement[]}
 */
export function feedbackButtons(given, rate) {
  /** @type {(type: 1 | 2, name: "thumbUp" | "thumbDown", label: string, testId: string) => HTMLElement} */
  const thumb = (type, name, label, testId) =>
    el(
      "button",
      {
        type: "button",
        class: "thumb",
        "aria-label": label,
        title: label,
        "aria-pressed": given === type ? "true" : "false",
        "data-testid": testId,
        "data-roving": true,
        onclick: () => rate(given === type ? TAKEN_BACK : type),
      },
      icon(name),
    );
  return [
    thumb(ACCURATE, "thumbUp", t("feedbackUp"), "feedback-up"),
    thumb(INACCURATE, "thumbDown", t("feedbackDown"), "feedback-down"),
  ];
}

/**
 * Asks what was wrong with an answer.
 * @returns {Promise<{ reasons: number[], comment: string } | null>} null: changed their mind
 */
export function askReasons() {
  const boxes = REASONS.map((reason) => el("input", { type: "checkbox", name: "reason", value: reason }));
  const comment = el("textarea", { rows: 3, maxlength: COMMENT_UNITS_MAX, id: "feedback-comment" });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "feedback-title", text: t("feedbackTitle") }),
    el(
      "div",
      { class: "reasons", role: "group", "aria-labelledby": "feedback-title" },
      ...boxes.map((box) => el("label", { class: "check" }, box, el("span", { text: nameOf("reason", box.value) }))),
    ),
    el("label", { class: "field", for: "feedback-comment", text: t("feedbackComment") }),
    comment,
    el(
      "div",
      { class: "dialog-actions" },
      el("button", { value: "", class: "button", formnovalidate: true, text: t("cancel") }),
      el("button", { value: "send", class: "button primary", "data-testid": "feedback-send", text: t("feedbackSend") }),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "feedback-title", "data-testid": "feedback-dialog" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      const reasons = boxes.filter((box) => box.checked).map((box) => Number(box.value));
      resolve(dialog.returnValue === "send" ? { reasons, comment: comment.value.trim() } : null);
    });
  });
}
