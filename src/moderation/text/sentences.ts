import { KIND, SPACE_UNIT } from "./fold.ts";
import type { FoldedView } from "./view.ts";

const FULL_STOP = 0x2e;

/** Numbers the sentences of a folded text. Places must be asked for in ascending order, so that the text is read once. */
export class SentenceCounter {
  readonly #folded: FoldedView;
  #read = 0;
  #sentence = 0;

  constructor(folded: FoldedView) {
    this.#folded = folded;
  }

  /** The number of the sentence that the folded unit stands in. A full stop ends one only before a space: 1.5, node.js. */
  at(index: number): number {
    const { units, kinds } = this.#folded;
    for (; this.#read < index; this.#read += 1) {
      const afterFullStop = units[this.#read] === SPACE_UNIT && units[this.#read - 1] === FULL_STOP;
      if (kinds[this.#read] === KIND.stop || afterFullStop) this.#sentence += 1;
    }
    return this.#sentence;
  }
}
