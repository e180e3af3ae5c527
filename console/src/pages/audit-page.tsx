import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { AuditRows, AuditVerdict } from "../logic/api-types.ts";
import { hrefOfSubject } from "../logic/routes.ts";
import { fullTime } from "../logic/time-words.ts";
import { Icon } from "../parts/icon.tsx";
import { SearchForm } from "../parts/search-form.tsx";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { At } from "../parts/time.tsx";
import { get } from "../state/api.ts";
import { type Fetched, useFetched } from "../state/fetched.ts";
import { go } from "../state/navigation.ts";
import { languageTag } from "../state/preferences.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, t } from "../words/words.ts";

const PAGE_ROWS = 100;
/** Who looks for more takes the export. */
const ROWS_MAX = 1000;

export function AuditPage({ subject }: { subject: string }) {
  const query = `limit=${PAGE_ROWS}${subject === "" ? "" : `&subject=${encodeURIComponent(subject)}`}`;
  const { now, again } = useFetched<AuditRows>(`/audit?${query}`);
  const search = (next: string) => go({ page: "audit", subject: next }, { replace: true });
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t("audit")}</h1>
        <SearchForm label={t("auditSubject")} value={subject} maxLength={100} onSearch={search} />
        <div class="page-actions">
          <a class="button" href="/admin/api/audit/export?format=jsonl" download>
            JSONL
          </a>
          <a class="button" href="/admin/api/audit/export?format=csv" download>
            CSV
          </a>
        </div>
      </header>
      <Verify />
      <Rows found={now.value} again={again} query={query} />
    </div>
  );
}

/** What is empty says nothing; times are written as times. */
function detailsOf({ details }: AuditRows["rows"][number]): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => {
      const isTime = name.endsWith("AtMs") || name === "untilMs";
      return `${name}=${isTime && typeof value === "number" ? fullTime(value, languageTag()) : value}`;
    })
    .join(" · ");
}

function Subject({ subject }: { subject: string }) {
  const href = hrefOfSubject(subject);
  return href === null ? <span>{subject}</span> : <a href={href}>{subject}</a>;
}

function Verify() {
  const verdict = useSignal<AuditVerdict | null>(null);
  const running = useSignal(false);
  const verify = async () => {
    running.value = true;
    try {
      verdict.value = await get<AuditVerdict>("/audit/verify");
    } catch (error) {
      say("bad", explain(error));
    } finally {
      running.value = false;
    }
  };
  const is = verdict.value;
  return (
    <div
      class={is === null ? "notice" : is.ok ? "notice good" : "notice bad"}
      role="status"
      data-testid="audit-verdict"
    >
      <Icon name={is?.ok === false ? "alert" : "audit"} />
      <span>
        {is === null
          ? t("auditHint")
          : is.ok
            ? t("auditOk", { rows: is.rows })
            : t("auditBroken", { seq: is.seq ?? 0, why: is.why ?? "" })}
      </span>
      <button
        type="button"
        class="button small"
        disabled={running.value}
        data-testid="verify"
        onClick={() => void verify()}
      >
        {running.value ? t("running") : t("verify")}
      </button>
    </div>
  );
}

function Rows({ found, again, query }: { found: Fetched<AuditRows>; again: () => void; query: string }) {
  const older = useSignal<AuditRows["rows"]>([]);
  const ended = useSignal(false);
  useEffect(() => {
    older.value = [];
    ended.value = found.state === "there" && found.value.rows.length < PAGE_ROWS;
  }, [found]);
  if (found.state === "loading") return <Loading />;
  if (found.state === "failed") return <Failure error={found.error} onRetry={again} />;
  const rows = [...found.value.rows, ...older.value];
  if (rows.length === 0) return <Empty icon="audit" title={t("noAuditRows")} text={t("nothingFoundText")} />;
  const loadMore = async () => {
    try {
      const next = await get<AuditRows>(`/audit?${query}&before=${rows.at(-1)?.seq ?? 0}`);
      ended.value = next.rows.length < PAGE_ROWS;
      older.value = [...older.value, ...next.rows];
    } catch (error) {
      say("bad", explain(error));
    }
  };
  return (
    <div class="card table-card">
      <table class="table stack">
        <thead>
          <tr>
            <th scope="col" class="right">
              {t("number")}
            </th>
            <th scope="col">{t("time")}</th>
            <th scope="col">{t("who")}</th>
            <th scope="col">{t("did")}</th>
            <th scope="col">{t("subject")}</th>
            <th scope="col">{t("details")}</th>
            <th scope="col">{t("hash")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.seq} data-testid="audit-row">
              <td class="right number" data-label={t("number")}>
                {row.seq}
              </td>
              <td data-label={t("time")}>
                <At ms={row.atMs} />
              </td>
              <td data-label={t("who")}>{row.by}</td>
              <th scope="row" class="nowrap" data-label={t("did")}>
                {nameOf("auditAction", row.action)}
              </th>
              <td class="mono nowrap" data-label={t("subject")}>
                <Subject subject={row.subject} />
              </td>
              <td class="mono small-text" data-label={t("details")}>
                {detailsOf(row)}
              </td>
              <td class="mono soft" data-label={t("hash")} title={row.hash}>
                {row.hash.slice(0, 10)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!ended.value && rows.length < ROWS_MAX && (
        <p class="more">
          <button type="button" class="button" onClick={() => void loadMore()}>
            {t("loadMore")}
          </button>
        </p>
      )}
    </div>
  );
}
