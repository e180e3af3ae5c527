import { signal } from "@preact/signals";

/** The dialog that is open; one at a time. */

export type DialogName =
  | "sheet"
  | "restrict"
  | "escalate"
  | "snooze"
  | "reveal"
  | "extras"
  | "resolutions"
  | "bulk"
  | "views"
  | "filters";

export const openDialog = signal<DialogName | null>(null);
/** What the dialog for a whole selection begins with. */
export const bulkResolution = signal<"false_positive" | "confirmed">("false_positive");

export function closeDialog(): void {
  openDialog.value = null;
}
