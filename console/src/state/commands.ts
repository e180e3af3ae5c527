import { hindranceOf } from "../logic/decisions.ts";
import { NO_FILTERS } from "../logic/filters.ts";
import type { Command } from "../logic/keys.ts";
import type { PageName, Route } from "../logic/routes.ts";
import { t } from "../words/words.ts";
import { resolve, saveNote, undo } from "./deciding.ts";
import { bulkResolution, type DialogName, openDialog } from "./dialogs.ts";
import { go, route } from "./navigation.ts";
import { claim, isRaw, openCase, rawTurns, refreshCase, showRaw } from "./open-case.ts";
import { cursorRow, selected, step, toggleSelected } from "./queue.ts";
import { me } from "./session.ts";
import { say } from "./toasts.ts";
import { explain } from "./words-of-errors.ts";

/** What a key or a button does. */
export function run(command: Command): void {
  ACTS[command]();
}

const ACTS: Record<Command, () => void> = {
  next: () => move(1),
  previous: () => move(-1),
  open: openAtCursor,
  claim: () => void claimOpen(false),
  allow: () => decideBoth("false_positive"),
  uphold: () => decideBoth("confirmed"),
  escalate: () => whenFree(() => show("escalate")),
  snooze: () => whenFree(() => show("snooze")),
  mute: () => whenReviewer(() => show("restrict")),
  reveal: toggleRaw,
  note: () => focusOn("[data-note]"),
  search: () => focusOn("[data-search]"),
  undo: () => void undo(),
  select() {
    if (cursorRow.value !== null) toggleSelected(cursorRow.value);
  },
  sheet: () => show("sheet"),
  back,
  "go-queue": () => go(pageRoute("queue")),
  "go-people": () => go(pageRoute("people")),
  "go-policy": () => go(pageRoute("policy")),
  "go-dashboard": () => go(pageRoute("dashboard")),
  "go-audit": () => go(pageRoute("audit")),
  "go-settings": () => go(pageRoute("settings")),
};

/** Mod+Enter outside of a dialog. */
export function send(): void {
  if (document.activeElement?.matches("[data-note]")) void saveNote();
  else if (document.activeElement instanceof HTMLElement) {
    document.activeElement.closest("form")?.requestSubmit();
  }
}

export function pageRoute(page: PageName): Route {
  switch (page) {
    case "queue":
      return { page, filters: NO_FILTERS, caseNumber: null };
    case "people":
      return { page, userId: null, q: "", restricted: false };
    case "audit":
      return { page, subject: "" };
    case "dashboard":
      return { page, days: 7 };
    default:
      return { page };
  }
}

export async function claimOpen(takeOver: boolean): Promise<void> {
  if (me.value?.role === "viewer") {
    say("plain", t("hindranceViewer"));
    return;
  }
  try {
    await claim(takeOver);
    if (takeOver) await refreshCase();
    say("good", t("claimedNow"));
  } catch (error) {
    say("bad", explain(error));
    await refreshCase();
  }
}

function move(by: 1 | -1): void {
  const now = route.value;
  if (now.page !== "queue") return;
  const row = step(by, cursorRow.value ?? now.caseNumber);
  if (row === null) return;
  if (now.caseNumber !== null) go({ ...now, caseNumber: row.caseNumber }, { replace: true });
  else focusOn(`[data-row="${row.caseNumber}"]`);
}

function openAtCursor(): void {
  const now = route.value;
  if (now.page !== "queue") return;
  const caseNumber = cursorRow.value ?? step(1, null)?.caseNumber ?? null;
  if (caseNumber !== null) go({ ...now, caseNumber });
}

/** With a selection the keys mean all of it, and a dialog asks before. */
function decideBoth(resolution: "false_positive" | "confirmed"): void {
  if (selected.value.size === 0) {
    whenFree(() => void resolve(resolution));
    return;
  }
  bulkResolution.value = resolution;
  show("bulk");
}

/** Says what stands against it instead of doing nothing. */
function whenFree(act: () => void): void {
  const detail = openCase.value;
  const who = me.value;
  if (detail === null || who === null) return;
  const hindrance = hindranceOf(detail, who, Date.now());
  if (hindrance === null) act();
  else say("plain", hindranceWords(hindrance));
}

function whenReviewer(act: () => void): void {
  if (openCase.value === null) return;
  if (me.value?.role === "viewer") say("plain", t("hindranceViewer"));
  else act();
}

export function hindranceWords(hindrance: "viewer" | "closed" | "held" | "second"): string {
  switch (hindrance) {
    case "viewer":
      return t("hindranceViewer");
    case "closed":
      return t("hindranceClosed");
    case "held":
      return t("hindranceHeld");
    case "second":
      return t("hindranceSecond");
  }
}

function toggleRaw(): void {
  whenReviewer(() => {
    if (rawTurns.value === null) show("reveal");
    else showRaw.value = !isRaw.value;
  });
}

function back(): void {
  if (document.activeElement instanceof HTMLElement && document.activeElement.matches("input, textarea, select")) {
    document.activeElement.blur();
    return;
  }
  const now = route.value;
  if (now.page === "queue" && now.caseNumber !== null) go({ ...now, caseNumber: null });
  else if (now.page === "people" && now.userId !== null) go({ ...now, userId: null });
}

function show(dialog: DialogName): void {
  openDialog.value = dialog;
}

function focusOn(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.focus();
}
