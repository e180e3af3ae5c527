import { useEffect, useRef } from "preact/hooks";
import type { CaseRow } from "../logic/api-types.ts";
import { heldByOther } from "../logic/decisions.ts";
import { countFilters, type Filters, NO_FILTERS } from "../logic/filters.ts";
import { FRESH_MAX, ROWS_MAX } from "../logic/queue-merge.ts";
import { hrefOf } from "../logic/routes.ts";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { CategoryTags, SeverityTag, StatusTag } from "../parts/tags.tsx";
import { Ago, DueClock } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { go } from "../state/navigation.ts";
import {
  counts,
  cursorRow,
  isCutOff,
  listError,
  listing,
  listMore,
  mayLoadMore,
  queue,
  relist,
  selected,
  toggleSelected,
} from "../state/queue.ts";
import { isMe, me, role } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";
import { BulkBar } from "./bulk.tsx";
import { FilterBar } from "./filter-bar.tsx";

export function QueueList({ filters, caseNumber }: { filters: Filters; caseNumber: string | null }) {
  const { rows, fresh, leaving } = queue.value;
  const open = counts.value;
  return (
    <section class="list" aria-label={t("queue")}>
      <header class="list-head">
        <h1>{t("queue")}</h1>
        {open !== null && (
          <p class="list-counts" data-testid="counts">
            <span>{t("openCount", { count: open.open })}</span>
            {open.overdue > 0 && <span class="due overdue">{t("overdueCount", { count: open.overdue })}</span>}
          </p>
        )}
      </header>
      <FilterBar filters={filters} />
      {fresh.length > 0 && (
        <button type="button" class="fresh" data-testid="fresh" onClick={relist}>
          {t("freshCount", { count: fresh.length >= FRESH_MAX ? `${FRESH_MAX}+` : fresh.length })}
        </button>
      )}
      <div class="list-scroll" data-testid="list">
        {listError.value !== null && rows.length === 0 && <Failure error={listError.value} onRetry={relist} />}
        {listing.value === "first" && rows.length === 0 && listError.value === null && <Loading />}
        {listing.value === "idle" && listError.value === null && rows.length === 0 && (
          <NothingListed filters={filters} />
        )}
        <ol class="rows">
          {rows.map((row) => (
            <Row
              key={row.caseNumber}
              row={row}
              href={hrefOf({ page: "queue", filters, caseNumber: row.caseNumber })}
              isOpen={row.caseNumber === caseNumber}
              isLeaving={leaving.has(row.caseNumber)}
            />
          ))}
        </ol>
        {mayLoadMore.value && <Sentinel />}
        {isCutOff.value && <p class="soft centred">{t("cutOff", { max: ROWS_MAX })}</p>}
      </div>
      <BulkBar />
    </section>
  );
}

function Row(props: { row: CaseRow; href: string; isOpen: boolean; isLeaving: boolean }) {
  const { row, href, isOpen, isLeaving } = props;
  const element = useRef<HTMLLIElement>(null);
  const isCursor = cursorRow.value === row.caseNumber;
  const isSelected = selected.value.has(row.caseNumber);
  const other = heldByOther(row, me.value?.userId ?? "", nowMs.value);
  useEffect(() => {
    if (isCursor) element.current?.scrollIntoView({ block: "nearest" });
  }, [isCursor]);
  const classes = ["row", isOpen && "open", isCursor && "cursor", isLeaving && "leaving", other !== null && "held"];
  return (
    <li ref={element} class={classes.filter(Boolean).join(" ")} data-testid="row" data-case={row.caseNumber}>
      {role.value !== "viewer" && (
        <label class="row-check">
          <input
            type="checkbox"
            checked={isSelected}
            aria-label={t("selectCase", { case: row.caseNumber })}
            onChange={() => toggleSelected(row.caseNumber)}
          />
        </label>
      )}
      <a
        class="row-link"
        href={href}
        data-row={row.caseNumber}
        aria-current={isOpen ? "true" : undefined}
        onFocus={() => (cursorRow.value = row.caseNumber)}
      >
        <span class="row-top">
          <SeverityTag severity={row.severity} />
          <CategoryTags categories={row.categories.slice(0, 2)} />
          {row.appealed && <span class="status appealed">{t("appeal")}</span>}
          <span class="row-end">
            {row.resolution === null && row.status !== "auto_closed" ? (
              <DueClock dueAtMs={row.dueAtMs} raisedAtMs={row.raisedAtMs} />
            ) : (
              <StatusTag row={row} />
            )}
          </span>
        </span>
        <span class="row-text">{row.excerpt}</span>
        <span class="row-foot">
          <span class="row-name">{row.userName}</span>
          <span>{nameOf("channel", row.channel)}</span>
          {row.flagCount > 1 && <span>{t("flagCount", { count: row.flagCount })}</span>}
          <RowState row={row} other={other} />
        </span>
      </a>
    </li>
  );
}

function RowState({ row, other }: { row: CaseRow; other: string | null }) {
  if (other !== null) {
    return (
      <span class="row-end holder other" data-testid="held-by">
        {t("heldBy", { name: other })}
      </span>
    );
  }
  if (row.pendingBy !== null) return <span class="row-end holder">{t("waitsForSecond")}</span>;
  if (isMe(row.assignee)) return <span class="row-end holder mine">{t("inYourHands")}</span>;
  if (row.status === "escalated") return <span class="row-end">{nameOf("status", row.status)}</span>;
  return (
    <span class="row-end">
      <Ago ms={row.raisedAtMs} />
    </span>
  );
}

function NothingListed({ filters }: { filters: Filters }) {
  if (countFilters(filters) === 0) return <Empty icon="check" title={t("queueEmpty")} text={t("queueEmptyText")} />;
  return (
    <Empty icon="filter" title={t("nothingFound")} text={t("nothingFoundText")}>
      <button type="button" class="button" onClick={() => go({ page: "queue", filters: NO_FILTERS, caseNumber: null })}>
        {t("clearFilters")}
      </button>
    </Empty>
  );
}

/** Comes into sight when the list is scrolled to its end. */
function Sentinel() {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) void listMore();
    });
    if (element.current !== null) seen.observe(element.current);
    return () => seen.disconnect();
  }, [queue.value.rows.length]);
  return (
    <div ref={element} class="more">
      <button type="button" class="button" onClick={() => void listMore()}>
        {listing.value === "more" ? t("loading") : t("loadMore")}
      </button>
      {listError.value !== null && <span class="soft">{t("moreFailed")}</span>}
    </div>
  );
}
