import { useEffect, useRef } from "preact/hooks";
import { CATEGORY_NAMES } from "../logic/categories.ts";
import { CHANNELS, countFilters, type Filters, NO_FILTERS, SEVERITIES, SORTS, STATUSES } from "../logic/filters.ts";
import { IconButton, KeyCap } from "../parts/buttons.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Check, Select } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { openDialog } from "../state/dialogs.ts";
import { go, route } from "../state/navigation.ts";
import { nameOf, t } from "../words/words.ts";

/** Typing searches by itself once it rests. */
const SEARCH_AFTER_MS = 350;

export function change(part: Partial<Filters> & { unset?: "severity" | "category" | "channel" | "userId" }): void {
  const now = route.value;
  if (now.page !== "queue") return;
  const { unset, ...set } = part;
  const filters = { ...now.filters, ...set };
  if (unset !== undefined) delete filters[unset];
  go({ ...now, filters }, { replace: true });
}

export function FilterBar({ filters }: { filters: Filters }) {
  const count = countFilters({ ...filters, q: "" });
  return (
    <div class="filter-bar">
      <div class="filter-line">
        <SearchField key={filters.q === "" ? "empty" : "filled"} q={filters.q} />
        <IconButton icon="star" label={t("savedViews")} onClick={() => (openDialog.value = "views")} testId="views" />
        <button
          type="button"
          class="button small"
          aria-label={t("filters")}
          data-testid="filters"
          data-set={count > 0 || undefined}
          onClick={() => (openDialog.value = "filters")}
        >
          <Icon name="filter" />
          {count > 0 ? count : t("filtersShort")}
        </button>
      </div>
      <div class="chips">
        {SEVERITIES.map((severity) => (
          <Chip
            key={severity}
            on={filters.severity === severity}
            onClick={() => change(filters.severity === severity ? { unset: "severity" } : { severity })}
          >
            {severity}
          </Chip>
        ))}
        <Chip on={filters.overdue} onClick={() => change({ overdue: !filters.overdue })}>
          {t("overdue")}
        </Chip>
        <Chip on={filters.mine} onClick={() => change({ mine: !filters.mine })}>
          {t("mine")}
        </Chip>
        {filters.userId !== undefined && (
          <Chip on onClick={() => change({ unset: "userId" })}>
            {filters.userId} ×
          </Chip>
        )}
        {filters.category !== undefined && (
          <Chip on onClick={() => change({ unset: "category" })}>
            {nameOf("category", filters.category)} ×
          </Chip>
        )}
      </div>
    </div>
  );
}

function Chip({ on, onClick, children }: { on: boolean; onClick: () => void; children: preact.ComponentChildren }) {
  return (
    <button type="button" class="chip" aria-pressed={on} onClick={onClick}>
      {children}
    </button>
  );
}

function SearchField({ q }: { q: string }) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const search = () => {
    clearTimeout(timer.current);
    change({ q: input.current?.value.trim() ?? "" });
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          search();
          input.current?.blur();
        }}
      >
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          aria-label={t("searchCases")}
          placeholder={t("searchCases")}
          defaultValue={q}
          maxLength={100}
          data-search
          data-testid="search"
          onInput={(event) => {
            clearTimeout(timer.current);
            if (!event.isComposing) timer.current = setTimeout(search, SEARCH_AFTER_MS);
          }}
          onCompositionEnd={() => {
            timer.current = setTimeout(search, SEARCH_AFTER_MS);
          }}
        />
        <KeyCap command="search" />
      </form>
    </search>
  );
}

export function FiltersDialog({ filters }: { filters: Filters }) {
  const any = [["", t("any")]] as const;
  return (
    <Dialog title={t("filters")} testId="filters-dialog">
      <div class="filter-grid">
        <Labelled label={t("status")}>
          <Select
            label={t("status")}
            testId="filter-status"
            value={filters.status}
            options={STATUSES.map((one) => [one, nameOf("status", one)] as const)}
            onChange={(value) => change({ status: STATUSES.find((one) => one === value) ?? "open" })}
          />
        </Labelled>
        <Labelled label={t("category")}>
          <Select
            label={t("category")}
            value={filters.category ?? ""}
            options={[...any, ...CATEGORY_NAMES.map((one) => [one, nameOf("category", one)] as const)]}
            onChange={(category) => change(category === "" ? { unset: "category" } : { category })}
          />
        </Labelled>
        <Labelled label={t("channel")}>
          <Select
            label={t("channel")}
            value={filters.channel ?? ""}
            options={[...any, ...CHANNELS.map((one) => [one, nameOf("channel", one)] as const)]}
            onChange={(value) => {
              const channel = CHANNELS.find((one) => one === value);
              change(channel === undefined ? { unset: "channel" } : { channel });
            }}
          />
        </Labelled>
        <Labelled label={t("sort")}>
          <Select
            label={t("sort")}
            value={filters.sort}
            options={SORTS.map((one) => [one, nameOf("sort", one)] as const)}
            onChange={(value) => change({ sort: SORTS.find((one) => one === value) ?? "urgency" })}
          />
        </Labelled>
      </div>
      <Check checked={filters.appealed} onChange={(appealed) => change({ appealed })}>
        {t("onlyAppeals")}
      </Check>
      <footer class="dialog-actions">
        <button
          type="button"
          class="button quiet aside"
          onClick={() => go({ page: "queue", filters: NO_FILTERS, caseNumber: null })}
        >
          {t("clearFilters")}
        </button>
        <button type="button" class="button primary" onClick={() => (openDialog.value = null)}>
          {t("close")}
        </button>
      </footer>
    </Dialog>
  );
}

function Labelled({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <div class="field">
      <span class="field-label" aria-hidden="true">
        {label}
      </span>
      {children}
    </div>
  );
}
