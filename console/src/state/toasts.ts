import { signal } from "@preact/signals";

/** Short words about what just happened; also spoken by screen readers. */

export interface Toast {
  id: number;
  kind: "good" | "bad" | "plain";
  text: string;
  /** A button in it, with the time until which it works. */
  action?: { label: string; untilMs: number; run: () => void };
}

export const toasts = signal<readonly Toast[]>([]);

const SHOWN_MS = 6000;
/** More at once would cover the page. */
const TOASTS_MAX = 3;
let lastId = 0;

/** A toast with an action stays until the action's time is over, and takes the place of the one before it. */
export function say(kind: Toast["kind"], text: string, action?: Toast["action"]): void {
  lastId += 1;
  const toast: Toast = { id: lastId, kind, text, ...(action === undefined ? {} : { action }) };
  const others = toasts.value.filter((one) => action === undefined || one.action === undefined);
  toasts.value = [...others, toast].slice(-TOASTS_MAX);
  setTimeout(() => dropToast(toast.id), action === undefined ? SHOWN_MS : Math.max(0, action.untilMs - Date.now()));
}

export function dropToast(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

export function dropActions(): void {
  toasts.value = toasts.value.filter((one) => one.action === undefined);
}
