import { useSignal } from "@preact/signals";
import { KeyCap } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Choice } from "../parts/fields.tsx";
import { decideSelected } from "../state/deciding.ts";
import { bulkResolution, openDialog } from "../state/dialogs.ts";
import { queue, SELECTED_MAX, selected } from "../state/queue.ts";
import { nameOf, t } from "../words/words.ts";
import { ReasonField } from "./case-dialogs.tsx";

/** Below the list while something is selected. */
export function BulkBar() {
  const count = selected.value.size;
  if (count === 0) return null;
  const all = queue.value.rows.slice(0, SELECTED_MAX).map((row) => row.caseNumber);
  return (
    <section class="bulk-bar" aria-label={t("selection")} data-testid="bulk-bar">
      <span>{t("selectedCount", { count })}</span>
      <button type="button" class="link-button" onClick={() => (selected.value = new Set(all))}>
        {t("selectAll", { count: all.length })}
      </button>
      <button type="button" class="link-button" onClick={() => (selected.value = new Set())}>
        {t("clear")}
      </button>
      <button type="button" class="button primary small" data-testid="bulk" onClick={() => (openDialog.value = "bulk")}>
        {t("decideTogether")} <KeyCap command="allow" />
      </button>
    </section>
  );
}

export const RESOLUTIONS = ["false_positive", "confirmed", "benign_true_hit", "duplicate", "needs_policy"] as const;
const EXAMPLES_MAX = 5;

export function BulkDialog() {
  const resolution = useSignal<(typeof RESOLUTIONS)[number]>(bulkResolution.value);
  const reason = useSignal("");
  const rows = queue.value.rows.filter((row) => selected.value.has(row.caseNumber));
  return (
    <FormDialog
      title={t("bulkTitle", { count: rows.length })}
      submit={t("decideMany", { count: rows.length })}
      disabled={reason.value.trim() === "" || rows.length === 0}
      testId="bulk-dialog"
      onSubmit={() =>
        decideSelected({ move: "resolve", resolution: resolution.value, reason: reason.value.trim(), note: "" })
      }
    >
      <ul class="examples">
        {rows.slice(0, EXAMPLES_MAX).map((row) => (
          <li key={row.caseNumber}>
            <span class="mono">{row.caseNumber}</span> {row.excerpt}
          </li>
        ))}
      </ul>
      {rows.length > EXAMPLES_MAX && <p class="soft">{t("andMore", { count: rows.length - EXAMPLES_MAX })}</p>}
      <Choice
        legend={t("decide")}
        value={resolution.value}
        onChange={(next) => (resolution.value = next)}
        options={RESOLUTIONS.map((value) => ({ value, label: nameOf("resolution", value) }))}
      />
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
      <p class="hint">
        {t("bulkUndoable")} <KeyCap command="undo" />
      </p>
    </FormDialog>
  );
}
