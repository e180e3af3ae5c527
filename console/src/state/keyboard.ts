import { type Command, meaningOf, PAIR_MS } from "../logic/keys.ts";
import { openDialog } from "./dialogs.ts";
import { route } from "./navigation.ts";
import { busy, desk } from "./open-case.ts";
import { selected } from "./queue.ts";

/** The one listener for keys. */

/** The button that a key stands for flashes, so that one sees what was pressed. */
const FLASH_MS = 160;
let afterGUntilMs = 0;

export function listenToKeys(run: (command: Command) => void, send: () => void): void {
  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement;
    const now = route.value;
    const meaning = meaningOf(event, {
      typing: isField(focused),
      onControl: focused?.matches("button, a, summary, select, input, [role=button]") ?? false,
      // also one of a page's own, such as "save the policy"
      dialogOpen: openDialog.value !== null || document.querySelector("dialog") !== null,
      busy: busy.value,
      onQueue: now.page === "queue",
      caseOpen: desk.value.state === "open" || selected.value.size > 0,
      afterG: performance.now() < afterGUntilMs,
    });
    if (!event.isComposing) afterGUntilMs = meaning.kind === "pair" ? performance.now() + PAIR_MS : 0;
    if (meaning.kind === "nothing") return;
    event.preventDefault();
    if (meaning.kind === "send") send();
    if (meaning.kind !== "command") return;
    flash(meaning.command);
    run(meaning.command);
  });
}

function isField(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit"].includes(element.type);
  return element.matches("textarea, select") || element.isContentEditable;
}

function flash(command: Command): void {
  for (const button of document.querySelectorAll(`[data-command="${command}"]`)) {
    button.classList.add("flash");
    setTimeout(() => button.classList.remove("flash"), FLASH_MS);
  }
}
