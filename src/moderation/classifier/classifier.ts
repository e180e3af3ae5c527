import { readFileSync } from "node:fs";
import { FeatureReader } from "./features.ts";
import { decodeWeights, versionOf, weightsOfLevels } from "./weights-file.ts";

/**
 * A statistical judge of style: logistic regression on hashed runs of characters (features.ts). It costs microseconds and needs
 * no network, but it knows how harmful texts tend to be written and nothing of what they mean (docs/models/classifier.md).
 * So it sorts the review queue and stands beside another signal; it never decides alone.
 */
export interface Classifier {
  /**
   * Calibrated probability, 0 to 1, that people would call the text harmful. Never throws. Reads the first and the last 2,048
   * UTF-16 units of a longer text. A text without letters gets the probability of knowing nothing.
   */
  score(text: string): number;
  /** Changes with every bit of the weights. */
  readonly version: string;
}

const WEIGHTS = new URL("./style.weights", import.meta.url);

/**
 * `bytes`: a weights file; without it the one that belongs to the service. About 2 MB of memory each. Throws YingdaError
 * bad_config for a damaged file, or one that other code trained.
 */
export function loadClassifier(bytes: Uint8Array = readFileSync(WEIGHTS)): Classifier {
  return new StyleClassifier(bytes);
}

class StyleClassifier implements Classifier {
  readonly version: string;
  readonly #levels: Int8Array;
  readonly #weightOf: Float64Array;
  readonly #bias: number;
  readonly #slope: number;
  readonly #offset: number;
  readonly #reader: FeatureReader;

  constructor(bytes: Uint8Array) {
    const { bucketBits, weightMax, bias, slope, offset, levels } = decodeWeights(bytes);
    this.version = versionOf(bytes);
    this.#levels = levels;
    this.#weightOf = weightsOfLevels(weightMax);
    this.#bias = bias;
    this.#slope = slope;
    this.#offset = offset;
    this.#reader = new FeatureReader(bucketBits);
  }

  score(text: string): number {
    const reader = this.#reader;
    reader.read(text);
    let sum = 0;
    for (let at = 0; at < reader.length; at += 1) {
      const bucket = reader.buckets[at] ?? 0;
      sum += (this.#weightOf[(this.#levels[bucket] ?? 0) + 128] ?? 0) * (reader.counts[bucket] ?? 0);
    }
    return 1 / (1 + Math.exp(-(this.#slope * (sum * reader.norm + this.#bias) + this.#offset)));
  }
}
