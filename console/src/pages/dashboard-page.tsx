import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Agreement, Dashboard } from "../logic/api-types.ts";
import { DASHBOARD_DAYS } from "../logic/routes.ts";
import { Failure, Loading } from "../parts/states.tsx";
import { At, durationWords, milliseconds } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { useFetched } from "../state/fetched.ts";
import { go } from "../state/navigation.ts";
import { language, languageTag } from "../state/preferences.ts";
import { role } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";
import { SecondReviewDialog } from "./second-review.tsx";
import { TimeChart } from "./time-chart.tsx";

export function DashboardPage({ days }: { days: number }) {
  const { now, again } = useFetched<Dashboard>(`/dashboard?days=${days}`);
  const judging = useSignal(false);
  const { now: agreement } = useFetched<Agreement>(`/second-reviews/agreement?days=${days}`);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t("dashboard")}</h1>
        <fieldset class="chips" aria-label={t("timeRange")}>
          {DASHBOARD_DAYS.map((count) => (
            <button
              key={count}
              type="button"
              class="chip"
              aria-pressed={count === days}
              onClick={() => go({ page: "dashboard", days: count }, { replace: true })}
            >
              {t("lastDays", { count })}
            </button>
          ))}
        </fieldset>
        <button type="button" class="button small" onClick={again}>
          {t("refresh")}
        </button>
        {role.value !== "viewer" && (
          <button type="button" class="button small" data-testid="judge-again" onClick={() => (judging.value = true)}>
            {t("secondReview")}
          </button>
        )}
      </header>
      {judging.value && <SecondReviewDialog onClose={() => (judging.value = false)} />}
      {now.value.state === "loading" && <Loading />}
      {now.value.state === "failed" && <Failure error={now.value.error} onRetry={again} />}
      {now.value.state === "there" && (
        <Panels is={now.value.value} agreement={agreement.value.state === "there" ? agreement.value.value : null} />
      )}
    </div>
  );
}

function Panels({ is, agreement }: { is: Dashboard; agreement: Agreement | null }) {
  const { queue, decisions } = is;
  const sum = (pick: (step: Dashboard["series"][number]) => number) =>
    is.series.reduce((all, one) => all + pick(one), 0);
  const turns = sum((one) => one.turns);
  return (
    <>
      <dl class="figures board">
        <Figure name={t("turns")} value={count(turns)} />
        <Figure
          name={t("flagged")}
          value={count(sum((one) => one.flagged))}
          note={percent(
            sum((one) => one.flagged),
            turns,
          )}
        />
        <Figure
          name={t("openCases")}
          value={count(queue.open)}
          note={t("overdueCount", { count: queue.overdue })}
          bad={queue.overdue > 0}
        />
        <Figure
          name={t("oldest")}
          value={queue.oldestAtMs === null ? "–" : durationWords(nowMs.value - queue.oldestAtMs)}
        />
        <Figure
          name={t("decisionMedian")}
          value={milliseconds(decisions.medianMs)}
          note={t("decisionCount", { count: decisions.count })}
        />
        <Figure
          name={t("falsePositives")}
          value={decisions.falsePositiveShare === null ? "–" : `${Math.round(decisions.falsePositiveShare * 100)}%`}
        />
        <Figure
          name={t("agreement")}
          value={agreement?.kappa == null ? "–" : `κ ${agreement.kappa.toFixed(2)}`}
          note={t("pairCount", { count: agreement?.pairs ?? 0 })}
        />
      </dl>
      <Charts is={is} />
      <div class="chart-grid">
        <Categories is={is} />
        <PolicyChanges is={is} />
      </div>
    </>
  );
}

function Charts({ is }: { is: Dashboard }) {
  const words = language.value;
  const { atMs, turns, outcomes, latency, tokens, marks } = useMemo(
    () => ({
      atMs: is.series.map((one) => one.atMs),
      turns: [{ label: t("turns"), colour: "--series-1", values: is.series.map((one) => one.turns) }],
      outcomes: [
        { label: t("flagged"), colour: "--series-3", values: is.series.map((one) => one.flagged) },
        { label: t("refused"), colour: "--series-2", values: is.series.map((one) => one.refused) },
        { label: t("withheld"), colour: "--series-4", values: is.series.map((one) => one.withheld) },
        { label: t("failed"), colour: "--series-5", values: is.series.map((one) => one.failed) },
      ],
      latency: [
        { label: "p50", colour: "--series-1", values: is.series.map((one) => one.firstTextMsP50) },
        { label: "p95", colour: "--series-2", values: is.series.map((one) => one.firstTextMsP95) },
      ],
      tokens: [
        { label: t("promptTokens"), colour: "--series-1", values: is.series.map((one) => one.promptTokens) },
        { label: t("answerTokens"), colour: "--series-3", values: is.series.map((one) => one.answerTokens) },
      ],
      marks: is.policyChanges.map((change) => change.atMs),
    }),
    [is, words],
  );
  return (
    <div class="chart-grid">
      <TimeChart title={t("turnsChart")} atMs={atMs} series={turns} format={count} marks={marks} />
      <TimeChart title={t("outcomesChart")} atMs={atMs} series={outcomes} format={count} marks={marks} />
      <TimeChart title={t("latencyChart")} atMs={atMs} series={latency} format={milliseconds} />
      <TimeChart title={t("tokensChart")} atMs={atMs} series={tokens} format={count} />
    </div>
  );
}

function Figure(props: { name: string; value: string; note?: string; bad?: boolean }) {
  return (
    <div class={props.bad ? "bad" : undefined}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
      {props.note !== undefined && <dd class="note">{props.note}</dd>}
    </div>
  );
}

/** Flags by category as bars, with the share that reviewers dismissed: a table that is its own chart. */
function Categories({ is }: { is: Dashboard }) {
  const rows = [...is.categories].sort((one, other) => other.flags - one.flags);
  const most = Math.max(1, ...rows.map((row) => row.flags));
  return (
    <section class="card">
      <h2>{t("byCategory")}</h2>
      <table class="table bars">
        <thead>
          <tr>
            <th scope="col">{t("category")}</th>
            <th scope="col">{t("flags")}</th>
            <th scope="col" class="right">
              {t("falsePositives")}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.category}>
              <th scope="row">{nameOf("category", row.category)}</th>
              <td>
                <div class="bar-cell">
                  <svg class="bar-svg" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="bar-flags" width={(row.flags / most) * 100} height="8" rx="1" />
                    <rect class="bar-false" width={(row.falsePositives / most) * 100} height="8" rx="1" />
                  </svg>
                  <span class="number">{row.flags}</span>
                </div>
              </td>
              <td class="right number">{percent(row.falsePositives, row.decided)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">{t("barsHint")}</p>
    </section>
  );
}

function PolicyChanges({ is }: { is: Dashboard }) {
  return (
    <section class="card">
      <h2>{t("policyChanges")}</h2>
      {is.policyChanges.length === 0 && <p class="soft">{t("noPolicyChanges")}</p>}
      <ol class="timeline">
        {is.policyChanges.map((change) => (
          <li key={change.atMs}>
            <p class="soft">
              {change.by} · <At ms={change.atMs} />
            </p>
            <p class="mono">{change.version}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((part / whole) * 100).toFixed(part / whole < 0.1 ? 1 : 0)}%`;
}

function count(value: number): string {
  return new Intl.NumberFormat(languageTag(), { notation: value >= 100_000 ? "compact" : "standard" }).format(value);
}
