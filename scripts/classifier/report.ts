import { FALSE_SHARES, type Figures, type HarmfulFigures, type HarmlessFigures, STYLE_THRESHOLD } from "./figures.ts";
import type { ReliabilityBin, Share } from "./metrics.ts";

/** Figures as Markdown tables, and their place in a model card. */

const BEGIN = "<!-- figures: written by scripts/train-classifier.ts -->";
const END = "<!-- end of figures -->";

export interface Run {
  version: string;
  date: string;
  weightsBytes: number;
  learnRows: number;
  /** What it was trained on, with licences. */
  learnedFrom: string[];
  trainingSeconds: number;
  memoryMegabytes: number;
  /** Microseconds to score a text of so many characters. */
  scoring: { characters: number; microseconds: number }[];
  decisions: number;
}

export function reportOf(figures: Figures, run: Run): string {
  const { harmful, foreignHarmful, harmless, foreignHarmless, calibration, foreignCalibration } = figures;
  const times = run.scoring.map(
    ({ characters, microseconds }) => `${characters} characters ${microseconds.toFixed(0)} µs`,
  );
  return [
    `Version \`${run.version}\`, trained ${run.date} on ${run.learnRows} rows (${run.decisions} of them reviewers' decisions) in ` +
      `${run.trainingSeconds.toFixed(0)} s, ${run.memoryMegabytes} MB at most. File: ${run.weightsBytes} bytes. Scoring: ${times.join(", ")}.`,
    `Learned from: ${run.learnedFrom.join(", ")}.`,
    "Brackets hold Wilson's 95 % interval, in per cent. No row of these tables was trained on.",
    "**Harmful rows found**, at thresholds that so many of the harmless rows reach, and at the service's own:",
    harmfulTable(harmful),
    "**The same when no row of the source was trained on**: what to expect of texts from elsewhere.",
    harmfulTable(foreignHarmful),
    "**Harmless rows hit**:",
    harmlessTable(harmless),
    "**The same when no row of the source was trained on**:",
    harmlessTable(foreignHarmless),
    `**Calibration** on test rows. Expected calibration error: ${calibration.error.toFixed(3)} for known sources, ` +
      `${foreignCalibration.error.toFixed(3)} for sources not trained on.`,
    calibrationTable(calibration.bins, foreignCalibration.bins),
  ].join("\n\n");
}

/** What going on from trained weights changed, on decisions and sentences that were not learned from. */
export function comparisonOf(before: Figures, after: Figures): string {
  return [
    "**Harmful rows found, before and after**:",
    harmfulTable([...named(before.harmful, "before"), ...named(after.harmful, "after")]),
    "**Harmless rows hit, before and after**:",
    harmlessTable([...named(before.harmless, "before"), ...named(after.harmless, "after")]),
  ].join("\n\n");
}

function named<T extends { set: string }>(rows: readonly T[], when: string): T[] {
  return rows.map((row) => ({ ...row, set: `${row.set}, ${when}` }));
}

/** The card with its figures replaced. Throws Error when the card does not say where they stand. */
export function withFigures(card: string, report: string): string {
  const begin = card.indexOf(BEGIN);
  const end = card.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the model card lacks the lines "${BEGIN}" and "${END}"`);
  return `${card.slice(0, begin + BEGIN.length)}\n${report}\n${card.slice(end)}`;
}

function harmfulTable(rows: readonly HarmfulFigures[]): string {
  return table(
    [
      "set",
      "rows",
      "against",
      "AUC",
      "F1 at 0.5",
      ...FALSE_SHARES.map((share) => `at ${100 * share} %`),
      `at score ${STYLE_THRESHOLD}`,
    ],
    rows.map(({ set, rows: count, against, auc, f1, recall, atStyle }) => [
      set,
      String(count),
      against,
      auc.toFixed(3),
      f1 === null ? "–" : f1.toFixed(3),
      ...recall.map(percent),
      percent(atStyle),
    ]),
  );
}

function harmlessTable(rows: readonly HarmlessFigures[]): string {
  return table(
    ["set", "rows", "score from 0.5", `score from ${STYLE_THRESHOLD}`],
    rows.map(({ set, rows: count, atMiddle, atStyle }) => [set, String(count), percent(atMiddle), percent(atStyle)]),
  );
}

function calibrationTable(known: readonly ReliabilityBin[], foreign: readonly ReliabilityBin[]): string {
  const cells = (bin: ReliabilityBin | undefined) =>
    bin === undefined || bin.rows === 0
      ? ["0", "–", "–"]
      : [String(bin.rows), bin.predicted.toFixed(2), bin.observed.toFixed(2)];
  return table(
    ["score", "known: rows", "predicted", "harmful", "not trained on: rows", "predicted", "harmful"],
    known.map((bin, at) => [
      `${bin.from.toFixed(1)}–${(bin.from + 0.1).toFixed(1)}`,
      ...cells(bin),
      ...cells(foreign[at]),
    ]),
  );
}

function percent({ share, low, high }: Share): string {
  const [value, from, to] = [share, low, high].map((part) => (100 * part).toFixed(1));
  return `${value} [${from}–${to}]`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map(line).join("\n");
}
