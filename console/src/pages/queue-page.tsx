import { useEffect, useRef } from "preact/hooks";
import { type Filters, writeFilters } from "../logic/filters.ts";
import { openDialog } from "../state/dialogs.ts";
import { desk, fetchCase, leaveDesk, openNumber } from "../state/open-case.ts";
import { askCounts, cursorRow, listQueue } from "../state/queue.ts";
import { t } from "../words/words.ts";
import { BulkDialog } from "./bulk.tsx";
import { CaseDialogs } from "./case-dialogs.tsx";
import { CaseView } from "./case-view.tsx";
import { FiltersDialog } from "./filter-bar.tsx";
import { QueueList } from "./queue-list.tsx";
import { ViewsDialog } from "./saved-views.tsx";

/** List and case side by side; on a phone one after the other. */
export function QueuePage({ filters, caseNumber }: { filters: Filters; caseNumber: string | null }) {
  const view = writeFilters(filters);
  useEffect(() => {
    void listQueue(filters);
    void askCounts();
  }, [view]);
  const first = useRef(true);
  useEffect(() => {
    if (caseNumber === null) {
      leaveDesk(null);
      if (desk.peek().state !== "cleared" || first.current) desk.value = { state: "empty" };
    } else if (caseNumber !== openNumber.peek()) {
      cursorRow.value = caseNumber;
      void fetchCase(caseNumber);
    }
    first.current = false;
  }, [caseNumber]);
  useEffect(() => () => leaveDesk(null), []);
  return (
    <div class={caseNumber === null ? "queue-page" : "queue-page with-case"}>
      <QueueList filters={filters} caseNumber={caseNumber} />
      <section class="desk" aria-label={t("caseRegion")}>
        <CaseView />
      </section>
      <CaseDialogs />
      {openDialog.value === "bulk" && <BulkDialog />}
      {openDialog.value === "views" && <ViewsDialog filters={filters} />}
      {openDialog.value === "filters" && <FiltersDialog filters={filters} />}
    </div>
  );
}
