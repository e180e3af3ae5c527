import type { Row } from "./corpus.ts";
import { auc, f1, type ReliabilityBin, reliability, type Share, shareAtLeast, thresholdAt } from "./metrics.ts";
import { scoresOf, type Trained, type Vectors } from "./train.ts";

/** What the model does on rows that it was not trained on, set by set. */

/** From this score on the service takes the classifier for a second signal (`style` of the policy). */
export const STYLE_THRESHOLD = 0.9;
const MIDDLE = 0.5;
/** Shares of harmless rows that are accepted as hits, for the thresholds at which recall is told. */
export const FALSE_SHARES = [0.005, 0.01, 0.02, 0.05] as const;

export interface HarmfulFigures {
  set: string;
  rows: number;
  /** Which harmless rows it was measured against. */
  against: "its own" | "zh" | "en";
  auc: number;
  /** At 0.5, where the set has harmless rows of its own. */
  f1: number | null;
  /** In the order of FALSE_SHARES. */
  recall: Share[];
  atStyle: Share;
}

export interface HarmlessFigures {
  set: string;
  rows: number;
  atMiddle: Share;
  atStyle: Share;
}

export interface Figures {
  harmful: HarmfulFigures[];
  harmless: HarmlessFigures[];
  /** The same for models that had no row of the set's source. */
  foreignHarmful: HarmfulFigures[];
  foreignHarmless: HarmlessFigures[];
  calibration: { error: number; bins: ReliabilityBin[] };
  foreignCalibration: { error: number; bins: ReliabilityBin[] };
}

/** Harmless rows to measure a set against that has none: everything harmless in its language but what was made up. */
const isReference = ({ set, harmful }: Row) => !harmful && set !== "cold" && !set.startsWith("made_up");
const languageOf = ({ set }: Row) => (/(^|[/_])en$|^(advbench|harmbench|openai_mod|xstest)$/.test(set) ? "en" : "zh");

export function figuresOf(rows: readonly Row[], vectors: Vectors, { weights, without }: Trained): Figures {
  const tested = [...rows.keys()].filter((row) => rows[row]?.part === "test");
  const scored = (model = weights): Scored[] => {
    const scores = scoresOf(vectors, model, tested);
    return tested.flatMap((row, at) => {
      const found = rows[row];
      return found === undefined ? [] : [{ ...found, score: scores[at] ?? 0 }];
    });
  };
  const all = scored();
  const foreign = [...without].map(([source, model]) => ({ source, all: scored(model) }));
  const setsOf = (list: readonly Scored[]) => [...new Set(list.map(({ set }) => set))];
  const foreignSets = foreign.flatMap((one) => {
    const own = one.all.filter(({ source }) => source === one.source);
    return setsOf(own).map((set) => ({ set, all: one.all }));
  });
  return {
    harmful: setsOf(all).flatMap((set) => harmfulFigures(set, all)),
    harmless: setsOf(all).flatMap((set) => harmlessFigures(set, all)),
    foreignHarmful: foreignSets.flatMap(({ set, all: scores }) => harmfulFigures(set, scores)),
    foreignHarmless: foreignSets.flatMap(({ set, all: scores }) => harmlessFigures(set, scores)),
    calibration: reliability(all.filter(({ source }) => without.has(source))),
    foreignCalibration: reliability(foreign.flatMap((one) => one.all.filter(({ source }) => source === one.source))),
  };
}

interface Scored extends Row {
  score: number;
}

function harmfulFigures(set: string, all: readonly Scored[]): HarmfulFigures[] {
  const own = all.filter((row) => row.set === set);
  const harmful = own.filter((row) => row.harmful).map(({ score }) => score);
  const first = own[0];
  if (first === undefined || harmful.length === 0) return [];
  const ownHarmless = own.filter((row) => !row.harmful).map(({ score }) => score);
  const language = languageOf(first);
  const reference = all.filter((row) => isReference(row) && languageOf(row) === language).map(({ score }) => score);
  const harmless = ownHarmless.length > 0 ? ownHarmless : reference;
  return [
    {
      set,
      rows: harmful.length,
      against: ownHarmless.length > 0 ? "its own" : language,
      auc: auc(harmful, harmless),
      f1: ownHarmless.length > 0 ? f1(harmful, ownHarmless, MIDDLE) : null,
      recall: FALSE_SHARES.map((share) => shareAtLeast(harmful, thresholdAt(harmless, share))),
      atStyle: shareAtLeast(harmful, STYLE_THRESHOLD),
    },
  ];
}

function harmlessFigures(set: string, all: readonly Scored[]): HarmlessFigures[] {
  const scores = all.filter((row) => row.set === set && !row.harmful).map(({ score }) => score);
  if (scores.length === 0) return [];
  const [atMiddle, atStyle] = [shareAtLeast(scores, MIDDLE), shareAtLeast(scores, STYLE_THRESHOLD)];
  return [{ set, rows: scores.length, atMiddle, atStyle }];
}
