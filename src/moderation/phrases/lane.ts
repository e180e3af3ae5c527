import type { DerivedView, FoldedView } from "../text/view.ts";
import { MATCHER_START } from "./matcher.ts";
import { VIEW } from "./phrase.ts";
import type { FormIndex, OwnedForm } from "./phrase-index.ts";

/** A place where a form of a phrase occurs: units `from` to `to` (end exclusive) of a lane's view. */
export interface Sight<Owner> {
  lane: Lane<Owner>;
  form: OwnedForm<Owner>;
  from: number;
  to: number;
}

/** One growing view of a text, and how far its automaton has read it. */
export class Lane<Owner> {
  /** The view's bit in VIEW. */
  readonly bit: number;
  readonly #view: FoldedView | DerivedView;
  readonly #index: FormIndex<Owner>;
  /** The patterns of words carry a space on either side, which is no part of the word. */
  readonly #edgeUnits: number;
  #read = 0;
  #state = MATCHER_START;

  constructor(bit: number, view: FoldedView | DerivedView, index: FormIndex<Owner>) {
    this.bit = bit;
    this.#view = view;
    this.#index = index;
    this.#edgeUnits = bit === VIEW.words ? 1 : 0;
  }

  /** Reads what the view has got since the last call. */
  read(onSight: (sight: Sight<Owner>) => void): void {
    const { units, length } = this.#view;
    const onHit = (pattern: number, end: number) => {
      for (const form of this.#index.forms[pattern] ?? []) {
        if ((form.views & this.bit) === 0) continue;
        const from = end - form.pattern.length + this.#edgeUnits;
        onSight({ lane: this, form, from, to: end - this.#edgeUnits });
      }
    };
    this.#state = this.#index.matcher.scan(units, this.#read, length, this.#state, onHit);
    this.#read = length;
  }

  /** First folded unit that may still become part of a phrase; undefined when none. */
  openFrom(): number | undefined {
    const open = this.#index.matcher.openUnits(this.#state) - this.#edgeUnits;
    return open > 0 ? this.firstFolded(this.#read - open) : undefined;
  }

  /** The first folded unit that a unit of the view covers. */
  firstFolded(at: number): number {
    return "first" in this.#view ? (this.#view.first[at] ?? 0) : at;
  }

  /** The last one; final once the view has gone on. */
  lastFolded(at: number): number {
    return "last" in this.#view ? (this.#view.last[at] ?? 0) : at;
  }
}
