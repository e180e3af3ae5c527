import type { Interval } from "../statistics.ts";
import { type Html, html } from "./html.ts";
import { categoryWords } from "./words.ts";

/** Small plots as inline SVG: colours come from the page's style, so they follow its light and dark. */

/** Narrow, so that words can be read on a phone. */
const WIDTH = 480;
const LABEL_WIDTH = 136;
const RIGHT = 96;
const PLOT_WIDTH = WIDTH - LABEL_WIDTH - RIGHT;
const AXIS_HEIGHT = 26;

export interface Bar extends Interval {
  category: string;
  share: number;
  /** Nothing was decided: no bar. */
  empty: boolean;
  /** At the end of the line. */
  note: string;
}

/** Shares with whiskers for their intervals. */
export function barPlot(bars: readonly Bar[], title: string): Html {
  const rowHeight = 38;
  const height = bars.length * rowHeight + AXIS_HEIGHT;
  const rows = bars.map(({ category, share, low, high, empty, note }, index) => {
    const y = index * rowHeight + rowHeight / 2;
    const body = empty
      ? html``
      : html`<rect class="bar" x="${LABEL_WIDTH}" y="${y - 9}" width="${px(share)}" height="18" rx="3"/>
<path class="whisker" d="M${x(low)} ${y}H${x(high)}M${x(low)} ${y - 5}V${y + 5}M${x(high)} ${y - 5}V${y + 5}"/>`;
    return html`<g>${label(category, y)}<rect class="track" x="${LABEL_WIDTH}" y="${y - 9}" width="${PLOT_WIDTH}" height="18" rx="3"/>${body}<text class="note" x="${WIDTH - RIGHT + 10}" y="${y + 4}">${note}</text></g>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      html`<text class="tick" text-anchor="middle" x="${x(share)}" y="${height - 6}">${Math.round(share * 100)}${share === 1 ? " %" : ""}</text>`,
  );
  return svg(title, height, html`${rows}${ticks}`);
}

/** How long answers took: bins of the same ratio, since answers differ by factors. */
export function latencyPlot(
  sortedMs: readonly number[],
  marks: readonly { ms: number; text: string }[],
  title: string,
): Html {
  const [first = 1, last = 1] = [sortedMs[0], sortedMs.at(-1)];
  const low = Math.log10(Math.max(1, first));
  const high = Math.max(low + 0.3, Math.log10(Math.max(1, last)));
  const bins = 32;
  const counts = new Array<number>(bins).fill(0);
  const placeOf = (ms: number) => (Math.log10(Math.max(1, ms)) - low) / (high - low);
  for (const ms of sortedMs) {
    const bin = Math.min(bins - 1, Math.floor(placeOf(ms) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  const [top, floor, left, span] = [44, 150, 10, WIDTH - 20];
  const rects = counts.map((count, bin) => {
    const tall = (count / most) * (floor - top);
    return html`<rect class="bar" x="${fixed(left + (bin * span) / bins + 1)}" y="${fixed(floor - tall)}" width="${fixed(span / bins - 2)}" height="${fixed(tall)}" rx="2"/>`;
  });
  const lines = marks.map(({ ms, text }, index) => {
    const at = fixed(left + placeOf(ms) * span);
    const end = Number(at) > WIDTH * 0.7;
    return html`<path class="mark" d="M${at} ${18 + index * 14}V${floor}"/><text class="note" text-anchor="${end ? "end" : "start"}" x="${Number(at) + (end ? -5 : 5)}" y="${22 + index * 14}">${text}</text>`;
  });
  const ticks = ticksBetween(10 ** low, 10 ** high).map(
    (ms) =>
      html`<text class="tick" text-anchor="middle" x="${fixed(left + placeOf(ms) * span)}" y="${floor + 18}">${ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}</text>`,
  );
  return svg(title, 176, html`${rects}<path class="axis" d="M${left} ${floor}H${WIDTH - left}"/>${lines}${ticks}`);
}

export interface Dumbbell {
  category: string;
  first: number;
  second: number;
  note: string;
  /** Whether the interval leaves out zero. */
  clear: boolean;
}

/** Two shares on a line for each category. */
export function dumbbellPlot(pairs: readonly Dumbbell[], title: string): Html {
  const rowHeight = 38;
  const height = pairs.length * rowHeight + AXIS_HEIGHT;
  const rows = pairs.map(({ category, first, second, note, clear }, index) => {
    const y = index * rowHeight + rowHeight / 2;
    const way = second > first ? "up" : second < first ? "down" : "same";
    return html`<g>${label(category, y)}<path class="rail" d="M${LABEL_WIDTH} ${y}H${WIDTH - RIGHT}"/><path class="between ${way} ${clear ? "clear" : ""}" d="M${x(first)} ${y}H${x(second)}"/><circle class="first" cx="${x(first)}" cy="${y}" r="8"/><circle class="second" cx="${x(second)}" cy="${y}" r="6"/><text class="note" x="${WIDTH - RIGHT + 10}" y="${y + 4}">${note}</text></g>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      html`<text class="tick" text-anchor="middle" x="${x(share)}" y="${height - 6}">${Math.round(share * 100)}${share === 1 ? " %" : ""}</text>`,
  );
  return svg(title, height, html`${rows}${ticks}`);
}

function label(category: string, y: number): Html {
  const { zh, en } = categoryWords(category);
  if (en === "") return html`<text class="label" x="0" y="${y + 4}">${zh}</text>`;
  return html`<text class="label" x="0" y="${y - 2}">${zh}</text><text class="sub" x="0" y="${y + 12}">${en}</text>`;
}

function svg(title: string, height: number, body: Html): Html {
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">${body}</svg>`;
}

/** 1, 2, 5, 10, … milliseconds that lie between two. */
function ticksBetween(low: number, high: number): number[] {
  const all = [0, 1, 2, 3, 4, 5].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
  const inside = all.filter((ms) => ms >= low * 0.99 && ms <= high * 1.01);
  return inside.length > 8 ? inside.filter((ms) => String(ms).startsWith("1")) : inside;
}

function x(share: number): string {
  return fixed(LABEL_WIDTH + share * PLOT_WIDTH);
}

function px(share: number): string {
  return fixed(share * PLOT_WIDTH);
}

function fixed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}
