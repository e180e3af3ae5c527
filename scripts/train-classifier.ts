import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Classifier, loadClassifier } from "../src/moderation/classifier/classifier.ts";
import { decodeWeights, encodeWeights, type Weights } from "../src/moderation/classifier/weights-file.ts";
import {
  balanced,
  COLLECTIONS,
  DECISIONS,
  madeUpRows,
  type Row,
  readCollections,
  readDecisions,
  withoutRepeats,
} from "./classifier/corpus.ts";
import { figuresOf } from "./classifier/figures.ts";
import { harmlessSentences } from "./classifier/harmless-sentences.ts";
import { comparisonOf, reportOf, withFigures } from "./classifier/report.ts";
import { DEFAULT_TRAINING, refine, train, type Vectors, vectorsOf } from "./classifier/train.ts";

/**
 * Trains the statistical classifier, measures it on rows that it was not trained on, and writes its weights. Prints no text of
 * any row; the same input gives the same weights on one version of Node.
 *
 *   npm run train-classifier -- --data FOLDER [--decisions FILE.jsonl] [--out FILE] [--card FILE]
 *     anew, from the collections that docs/models/classifier.md names; also writes the figures of that card. 10 s, 700 MB.
 *   npm run train-classifier -- --decisions FILE.jsonl [--from FILE] [--out FILE]
 *     goes on from the weights there are, for who has reviewers' decisions and not the collections. A second.
 *
 * `--decisions`: a JSON object a line with `text` and `label` (`unsafe` or `safe`); an export of the review queue is one. Give
 * all decisions every time. `--from` and `--out` are the service's own weights where they are not given.
 */
const USAGE =
  "usage: npm run train-classifier -- --data FOLDER | --decisions FILE.jsonl [--from FILE] [--out FILE] [--card FILE]";
const WEIGHTS = fileURLToPath(new URL("../src/moderation/classifier/style.weights", import.meta.url));
const CARD = fileURLToPath(new URL("../docs/models/classifier.md", import.meta.url));

try {
  const text = { type: "string" } as const;
  const options = { data: text, decisions: text, from: text, out: text, card: text };
  const { data, decisions, from = WEIGHTS, out = WEIGHTS, card = CARD } = parseArgs({ options }).values;
  const decided = decisions === undefined ? [] : readDecisions(decisions);
  if (data !== undefined) trainAnew(data, decided, out, card);
  else if (decisions !== undefined) goOn(from, decided, out);
  else throw new Error(USAGE);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function trainAnew(data: string, decided: readonly Row[], out: string, card: string): void {
  const startedMs = performance.now();
  const rows = withoutRepeats([...decided, ...readCollections(data), ...madeUpRows()]);
  say(`${rows.length} rows, ${decided.length} of them decisions`);
  const vectors = vectorsIn(rows, DEFAULT_TRAINING.bucketBits);
  const trained = train(vectors, rows, new Set([DECISIONS]));
  const trainingSeconds = (performance.now() - startedMs) / 1000;
  const bytes = encodeWeights(trained.weights);
  const classifier = loadClassifier(bytes);
  const report = reportOf(figuresOf(rows, vectors, trained), {
    version: classifier.version,
    date: new Date().toISOString().slice(0, 10),
    weightsBytes: bytes.length,
    learnRows: learning(rows).length,
    learnedFrom: COLLECTIONS.filter(({ weight }) => weight > 0).map(({ name, licence }) => `${name} (${licence})`),
    trainingSeconds,
    memoryMegabytes: Math.ceil(process.resourceUsage().maxRSS / 1024),
    scoring: [60, 600].map((characters) => ({ characters, microseconds: microsecondsFor(classifier, characters) })),
    decisions: learning(rows).filter(({ set }) => set === DECISIONS).length,
  });
  const updated = withFigures(readFileSync(card, "utf8"), report);
  writeFileSync(out, bytes);
  writeFileSync(card, updated);
  process.stdout.write(`${report}\n`);
  say(`wrote ${out} and the figures of ${card}`);
}

function goOn(from: string, decided: readonly Row[], out: string): void {
  const start = decodeWeights(readFileSync(from));
  // Our own sentences hold the model to what is harmless everywhere.
  const rows = withoutRepeats([...balanced(decided), ...madeUpRows()]);
  const vectors = vectorsIn(rows, start.bucketBits);
  const refined = refine(start, vectors, rows);
  const bytes = encodeWeights(refined);
  const figures = (weights: Weights) => figuresOf(rows, vectors, { weights, without: new Map() });
  process.stdout.write(`${comparisonOf(figures(start), figures(refined))}\n`);
  writeFileSync(out, bytes);
  say(`wrote ${out}, version ${loadClassifier(bytes).version}; learned from ${learning(rows).length} rows`);
}

function vectorsIn(rows: readonly Row[], bucketBits: number): Vectors {
  const texts = rows.map(({ text }) => text);
  return vectorsOf(texts, bucketBits);
}

function learning(rows: readonly Row[]): Row[] {
  return rows.filter(({ part }) => part === "learn");
}

/** Median of batches, on made-up sentences. */
function microsecondsFor(classifier: Classifier, characters: number): number {
  const BATCHES = 31;
  const TEXTS = 200;
  const sentences = harmlessSentences(2000, 1)
    .filter(({ lang }) => lang === "zh")
    .map(({ text }) => text)
    .join("，");
  const texts = Array.from({ length: TEXTS }, (_, at) => sentences.slice(at * 7, at * 7 + characters));
  const batches = Array.from({ length: BATCHES }, () => {
    const startedMs = performance.now();
    for (const text of texts) classifier.score(text);
    return ((performance.now() - startedMs) * 1000) / TEXTS;
  });
  return batches.sort((one, other) => one - other)[Math.floor(BATCHES / 2)] ?? 0;
}

function say(line: string): void {
  process.stderr.write(`train-classifier: ${line}\n`);
}
