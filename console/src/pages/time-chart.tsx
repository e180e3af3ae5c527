import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isDark, language, languageTag } from "../state/preferences.ts";
import { t } from "../words/words.ts";

export interface Series {
  label: string;
  /** A colour of the style sheet: `--series-1` and so on. */
  colour: string;
  values: readonly (number | null)[];
}

interface TimeChartProps {
  title: string;
  atMs: readonly number[];
  series: readonly Series[];
  /** For axis and table. */
  format: (value: number) => string;
  /** Moments to mark with a line, such as a new policy. */
  marks?: readonly number[];
}

const HEIGHT_PX = 190;

/** A chart over time, drawn by uPlot, which is fetched when the first one is shown. The table says the same in figures. */
export function TimeChart({ title, atMs, series, format, marks = [] }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const failed = useSignal(false);
  useEffect(() => {
    let stop = () => {};
    let gone = false;
    import("./draw-chart.ts")
      .then(({ drawChart }) => {
        if (!gone && box.current !== null) {
          stop = drawChart(box.current, { atMs, series, format, marks, height: HEIGHT_PX, language: languageTag() });
        }
      })
      .catch(() => {
        failed.value = true;
      });
    return () => {
      gone = true;
      stop();
    };
  }, [atMs, series, isDark.value, language.value]);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {series.map(({ label, colour }) => (
            <li key={label}>
              <span class="legend-dot" style={{ background: `var(${colour})` }} aria-hidden="true" />
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot" ref={box} aria-hidden="true" />
      {failed.value && <p class="soft">{t("chartFailed")}</p>}
      <ChartTable title={title} atMs={atMs} series={series} format={format} />
    </figure>
  );
}

function ChartTable({ title, atMs, series, format }: TimeChartProps) {
  const time = new Intl.DateTimeFormat(languageTag(), {
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (
    <details class="chart-table">
      <summary>{t("asTable")}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="table-scroll" aria-label={title} tabIndex={0}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("time")}</th>
              {series.map(({ label }) => (
                <th key={label} scope="col" class="right">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {atMs.map((ms, index) => (
              <tr key={ms}>
                <th scope="row">{time.format(ms)}</th>
                {series.map(({ label, values }) => {
                  const value = values[index];
                  return (
                    <td key={label} class="right number">
                      {value == null ? "–" : format(value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
