import { useSignal } from "@preact/signals";
import { type Filters, readFilters, writeFilters } from "../logic/filters.ts";
import { readViews, type SavedView, VIEW_NAME_UNITS_MAX, withView } from "../logic/views.ts";
import { IconButton } from "../parts/buttons.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { closeDialog } from "../state/dialogs.ts";
import { go } from "../state/navigation.ts";
import { recall, remember } from "../state/storage.ts";
import { t } from "../words/words.ts";

export function ViewsDialog({ filters }: { filters: Filters }) {
  const views = useSignal(readViews(recall("views")));
  const name = useSignal("");
  const keep = (next: SavedView[]) => {
    views.value = next;
    remember("views", JSON.stringify(next));
  };
  const usual: SavedView[] = [
    { name: t("viewAllOpen"), query: "" },
    { name: t("viewUrgent"), query: "?severity=P0" },
    { name: t("viewAppeals"), query: "?appealed=1" },
    { name: t("viewMine"), query: "?mine=1" },
    { name: t("viewDecided"), query: "?status=resolved&sort=newest" },
  ];
  const open = ({ query }: SavedView) => {
    closeDialog();
    go({ page: "queue", filters: readFilters(query), caseNumber: null });
  };
  return (
    <Dialog title={t("savedViews")} testId="views-dialog">
      <ul class="views">
        {[...usual, ...views.value].map((view, index) => (
          <li key={view.name}>
            <button type="button" class="view" data-first={index === 0 || undefined} onClick={() => open(view)}>
              {view.name}
            </button>
            {index >= usual.length && (
              <IconButton
                icon="close"
                small
                label={t("forgetView", { name: view.name })}
                onClick={() => keep(views.value.filter((one) => one.name !== view.name))}
              />
            )}
          </li>
        ))}
      </ul>
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          keep(withView(views.value, { name: name.value, query: writeFilters(filters) }));
          name.value = "";
        }}
      >
        <TextField
          label={t("viewName")}
          value={name.value}
          maxLength={VIEW_NAME_UNITS_MAX}
          onInput={(next) => (name.value = next)}
          testId="view-name"
        />
        <button type="submit" class="button" disabled={name.value.trim() === ""}>
          {t("saveView")}
        </button>
      </form>
    </Dialog>
  );
}
