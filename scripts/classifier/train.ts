import { FeatureReader } from "../../src/moderation/classifier/features.ts";
import { levelOf, type Weights, weightsOfLevels } from "../../src/moderation/classifier/weights-file.ts";
import { randomFrom, shuffle } from "./random.ts";

/** Logistic regression by Adagrad, then int8 levels, then Platt's calibration on rows that were not trained on. */

export type Part = "learn" | "calibrate" | "test";

export interface Example {
  text: string;
  harmful: boolean;
  /** How much the row counts; 1 is usual. */
  weight: number;
  /** Rows of one source were collected in one way, and read alike. */
  source: string;
  part: Part;
}

export interface TrainingOptions {
  seed: number;
  bucketBits: number;
  /** Passes over the data. */
  passes: number;
  learningRate: number;
  /** Strength of L2 regularisation towards the weights that training starts from, for each example. */
  decay: number;
  /** What each weight's sum of squared slopes starts from: the more, the smaller the first steps. */
  caution: number;
}

/** Between 3 and 12 passes, and with ten times the decay, sources that were left out were found alike within 0.01 of AUC. */
export const DEFAULT_TRAINING: TrainingOptions = {
  seed: 20_261_124,
  bucketBits: 18,
  passes: 6,
  learningRate: 0.6,
  decay: 1e-6,
  caution: 1e-4,
};

/** For few rows on top of trained weights: steps too small to forget what those know. */
export const DEFAULT_REFINING: TrainingOptions = { ...DEFAULT_TRAINING, passes: 3, learningRate: 0.3, caution: 0.01 };

/** Texts as vectors: row `at` has the features from `starts[at]` to `starts[at + 1]`. */
export interface Vectors {
  starts: Uint32Array;
  buckets: Uint32Array;
  values: Float32Array;
}

/** About 8 bytes for each distinct run: 60,000 short texts take some 100 MB. */
export function vectorsOf(texts: readonly string[], bucketBits: number): Vectors {
  const reader = new FeatureReader(bucketBits);
  const starts = new Uint32Array(texts.length + 1);
  let buckets = new Uint32Array(1 << 20);
  let values = new Float32Array(1 << 20);
  let length = 0;
  for (const [row, text] of texts.entries()) {
    reader.read(text);
    if (length + reader.length > buckets.length) {
      const units = Math.max(2 * buckets.length, length + reader.length);
      buckets = grown(buckets, new Uint32Array(units));
      values = grown(values, new Float32Array(units));
    }
    const norm = reader.norm;
    for (let at = 0; at < reader.length; at += 1) {
      const bucket = reader.buckets[at] ?? 0;
      buckets[length] = bucket;
      values[length] = (reader.counts[bucket] ?? 0) * norm;
      length += 1;
    }
    starts[row + 1] = length;
  }
  return { starts, buckets: buckets.slice(0, length), values: values.slice(0, length) };
}

export interface Trained {
  weights: Weights;
  /** For each source: the weights trained without any row of it, with the same calibration. */
  without: Map<string, Weights>;
}

/**
 * Trains on the rows of part `learn` and calibrates on those of part `calibrate`. Each of the latter counts twice: once as
 * the model scores it, once as a model scores it that has seen no row of its source. What a company writes is such a source, and
 * a model that was only calibrated on what it knows is far too sure of itself there. Rows whose source is in `own` come from
 * where the model will work, so they are never left out.
 *
 * The same input gives the same weights, bit for bit. Throws RangeError when the rows, or those left without one of the
 * sources, are all harmful or all harmless.
 */
export function train(
  vectors: Vectors,
  examples: readonly Example[],
  own: ReadonlySet<string> = new Set(),
  options: TrainingOptions = DEFAULT_TRAINING,
): Trained {
  const rowsOf = (part: Part) => [...examples.keys()].filter((row) => examples[row]?.part === part);
  const learn = rowsOf("learn");
  const calibrate = rowsOf("calibrate");
  const raw = fit(vectors, examples, learn, options);
  const judged = judgedBy(raw, vectors, examples, calibrate);
  const without = new Map<string, Weights>();
  for (const source of new Set(learn.map((row) => sourceOf(examples, row)))) {
    if (own.has(source)) continue;
    const isForeign = (row: number) => sourceOf(examples, row) === source;
    const rest = learn.filter((row) => !isForeign(row));
    if (rest.length === 0) continue;
    const model = fit(vectors, examples, rest, options);
    without.set(source, model);
    judged.push(...judgedBy(model, vectors, examples, calibrate.filter(isForeign)));
  }
  const calibration = platt(judged);
  return {
    weights: { ...raw, ...calibration },
    without: new Map([...without].map(([source, model]) => [source, { ...model, ...calibration }])),
  };
}

/**
 * Goes on from trained weights with the rows of part `learn`; without the rows that those came from, it is the way to learn
 * from reviewers. The calibration stays: reviewers see what was flagged, so how many of their rows are harmful says nothing of
 * all that people write. Throws RangeError as `train` does.
 */
export function refine(
  start: Weights,
  vectors: Vectors,
  examples: readonly Example[],
  options: TrainingOptions = DEFAULT_REFINING,
): Weights {
  const learn = [...examples.keys()].filter((row) => examples[row]?.part === "learn");
  const { slope, offset } = start;
  return { ...fit(vectors, examples, learn, { ...options, bucketBits: start.bucketBits }, start), slope, offset };
}

const NOTHING = { harmful: false, weight: 0 };

function sourceOf(examples: readonly Example[], row: number): string {
  return examples[row]?.source ?? "";
}

/** Weights that are not calibrated yet. */
function fit(
  vectors: Vectors,
  examples: readonly Example[],
  learn: readonly number[],
  options: TrainingOptions,
  start: Weights | null = null,
): Weights {
  const harmful = learn.filter((row) => examples[row]?.harmful === true).length;
  if (harmful === 0 || harmful === learn.length)
    throw new RangeError("both harmful and harmless rows are needed to learn");
  const { weights, bias } = regress(vectors, examples, learn, options, start);
  return quantised(weights, bias, options.bucketBits);
}

interface Judged {
  sum: number;
  harmful: boolean;
  weight: number;
}

function judgedBy(model: Weights, vectors: Vectors, examples: readonly Example[], rows: readonly number[]): Judged[] {
  const sums = sumsOf(vectors, model, rows);
  return rows.map((row, at) => {
    const { harmful, weight } = examples[row] ?? NOTHING;
    return { sum: sums[at] ?? 0, harmful, weight };
  });
}

function regress(
  { starts, buckets, values }: Vectors,
  examples: readonly Example[],
  learn: readonly number[],
  { seed, bucketBits, passes, learningRate, decay, caution }: TrainingOptions,
  start: Weights | null,
): { weights: Float64Array; bias: number } {
  const origin = start === null ? new Float64Array(2 ** bucketBits) : weightsIn(start);
  const weights = origin.slice();
  const squares = new Float64Array(2 ** bucketBits).fill(caution);
  let bias = start?.bias ?? 0;
  let biasSquares = caution;
  const order = Uint32Array.from(learn);
  const random = randomFrom(seed);
  for (let pass = 0; pass < passes; pass += 1) {
    shuffle(order, random);
    for (const row of order) {
      const { harmful, weight } = examples[row] ?? NOTHING;
      const from = starts[row] ?? 0;
      const end = starts[row + 1] ?? from;
      let sum = bias;
      for (let at = from; at < end; at += 1) sum += (weights[buckets[at] ?? 0] ?? 0) * (values[at] ?? 0);
      const error = weight * (logistic(sum) - (harmful ? 1 : 0));
      for (let at = from; at < end; at += 1) {
        const bucket = buckets[at] ?? 0;
        const before = weights[bucket] ?? 0;
        const slope = error * (values[at] ?? 0) + decay * (before - (origin[bucket] ?? 0));
        const sumOfSquares = (squares[bucket] ?? 0) + slope * slope;
        squares[bucket] = sumOfSquares;
        weights[bucket] = before - (learningRate * slope) / Math.sqrt(sumOfSquares);
      }
      biasSquares += error * error;
      bias -= (learningRate * error) / Math.sqrt(biasSquares);
    }
  }
  return { weights, bias };
}

function weightsIn({ levels, weightMax }: Weights): Float64Array {
  const weightOf = weightsOfLevels(weightMax);
  return Float64Array.from(levels, (level) => weightOf[level + 128] ?? 0);
}

function quantised(weights: Float64Array, bias: number, bucketBits: number): Weights {
  let weightMax = 1e-9;
  for (const weight of weights) weightMax = Math.max(weightMax, Math.abs(weight));
  const levels = Int8Array.from(weights, (weight) => levelOf(weight, weightMax));
  return { bucketBits, weightMax, bias, slope: 1, offset: 0, levels };
}

/** Sums before calibration, bias included, for the rows. */
function sumsOf({ starts, buckets, values }: Vectors, model: Weights, rows: readonly number[]): number[] {
  const weightOf = weightsOfLevels(model.weightMax);
  return rows.map((row) => {
    let sum = model.bias;
    for (let at = starts[row] ?? 0; at < (starts[row + 1] ?? 0); at += 1) {
      sum += (weightOf[(model.levels[buckets[at] ?? 0] ?? 0) + 128] ?? 0) * (values[at] ?? 0);
    }
    return sum;
  });
}

/** Probabilities for the rows: what `Classifier.score` gives for their texts, but for rounding. */
export function scoresOf(vectors: Vectors, model: Weights, rows: readonly number[]): number[] {
  return sumsOf(vectors, model, rows).map((sum) => logistic(model.slope * sum + model.offset));
}

/** Slope and offset that make the sums probabilities (Platt 1999), by Newton's method. */
function platt(judged: readonly Judged[]): { slope: number; offset: number } {
  let slope = 1;
  let offset = 0;
  for (let step = 0; step < CALIBRATION_STEPS_MAX; step += 1) {
    let [slopeError, offsetError, both] = [0, 0, 0];
    let [slopeCurve, offsetCurve] = [RIDGE, RIDGE];
    for (const { sum, harmful, weight } of judged) {
      const probability = logistic(slope * sum + offset);
      const error = weight * (probability - (harmful ? 1 : 0));
      const curve = weight * probability * (1 - probability);
      slopeError += error * sum;
      offsetError += error;
      slopeCurve += curve * sum * sum;
      offsetCurve += curve;
      both += curve * sum;
    }
    const determinant = slopeCurve * offsetCurve - both * both;
    const slopeStep = (offsetCurve * slopeError - both * offsetError) / determinant;
    const offsetStep = (slopeCurve * offsetError - both * slopeError) / determinant;
    slope = between(SLOPE_MIN, slope - slopeStep, SLOPE_MAX);
    offset = between(-SLOPE_MAX, offset - offsetStep, SLOPE_MAX);
    if (Math.abs(slopeStep) + Math.abs(offsetStep) < 1e-9) break;
  }
  return { slope, offset };
}

const CALIBRATION_STEPS_MAX = 50;
const RIDGE = 1e-6;
/** Rows that a line separates have no best slope, and rows that are all alike none at all; both end here. */
const SLOPE_MIN = 0.01;
const SLOPE_MAX = 20;

function between(low: number, value: number, high: number): number {
  return Number.isNaN(value) ? low : Math.min(high, Math.max(low, value));
}

function logistic(sum: number): number {
  return 1 / (1 + Math.exp(-sum));
}

function grown<T extends Uint32Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
