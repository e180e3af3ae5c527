import type { Steps } from "../steps.ts";
import { KIND, KIND_OF_UNIT } from "../text/fold.ts";
import { Normaliser } from "../text/normaliser.ts";
import { otherSoundsOf, SOUND_OF_UNIT, type SoundView, soundsOf } from "../text/sounds.ts";
import { MATCHER_START, type Matcher, matcherSteps } from "./matcher.ts";
import { isOrdinary } from "./ordinary-words.ts";
import type { TextViews } from "./phrase.ts";

/**
 * Phrases as they sound, and the judgement whether a place that sounds like one is meant so. Two syllables are little: they
 * need a character of the phrase beside Latin letters, or a pair that is no ordinary word.
 */

/** Fewest syllables of a phrase that is looked for in Latin letters alone, or backwards. */
const LONG_SYLLABLES_MIN = 3;
/** From here a phrase in Latin letters may lie inside a longer run of them. */
const INSIDE_RUN_SYLLABLES_MIN = 4;
/** Most patterns of one phrase: one for each further reading of a character. */
const PATTERNS_MAX = 16;

/** A phrase in one of its patterns. */
interface SoundForm<Owner> {
  owner: Owner;
  /** The characters as written, in the order of the pattern. */
  letters: string;
  /** `letters` are the phrase backwards. */
  reversed: boolean;
}

/** The phrases of a policy that are listened for; `forms[pattern]` sound alike. */
export interface SoundIndex<Owner> {
  matcher: Matcher;
  forms: SoundForm<Owner>[][];
}

/** Gathers the phrases to listen for. Those that are not wholly Chinese, or one syllable, are left out silently. */
export class SoundCollector<Owner> {
  readonly #numbers = new Map<string, number>();
  readonly #forms: SoundForm<Owner>[][] = [];

  add(text: string, owner: Owner): void {
    const views = new Normaliser(text.length);
    views.push(text);
    views.end();
    const sounds = soundsOf(views);
    const units = [...sounds.letters.subarray(0, sounds.length)];
    if (units.length < 2 || units.some((unit) => KIND_OF_UNIT[unit] !== KIND.han || SOUND_OF_UNIT[unit] === 0)) return;
    const letters = String.fromCharCode(...units);
    for (const pattern of patternsOf(units)) this.#enter(pattern, { owner, letters, reversed: false });
    if (units.length < LONG_SYLLABLES_MIN) return;
    units.reverse();
    const backwards = String.fromCharCode(...units);
    if (backwards !== letters) this.#enter(mainPattern(units), { owner, letters: backwards, reversed: true });
  }

  *index(): Steps<SoundIndex<Owner>> {
    return { matcher: yield* matcherSteps([...this.#numbers.keys()]), forms: this.#forms };
  }

  #enter(pattern: string, form: SoundForm<Owner>): void {
    const number = this.#numbers.get(pattern);
    const sharing = number === undefined ? undefined : this.#forms[number];
    if (sharing === undefined) {
      this.#numbers.set(pattern, this.#forms.length);
      this.#forms.push([form]);
    } else if (!sharing.some(({ owner, letters }) => owner === form.owner && letters === form.letters)) {
      sharing.push(form);
    }
  }
}

/** The usual readings, then one character after the other in its further ones. */
function patternsOf(units: readonly number[]): Set<string> {
  const main = mainPattern(units);
  const patterns = new Set([main]);
  units.forEach((unit, at) => {
    for (const sound of otherSoundsOf(unit)) {
      if (patterns.size >= PATTERNS_MAX) return;
      patterns.add(main.slice(0, at) + String.fromCharCode(sound) + main.slice(at + 1));
    }
  });
  return patterns;
}

function mainPattern(units: readonly number[]): string {
  return String.fromCharCode(...units.map((unit) => SOUND_OF_UNIT[unit] ?? 0));
}

/** Where a phrase is heard: folded units, both inclusive. */
export interface Heard<Owner> {
  owner: Owner;
  first: number;
  last: number;
}

/**
 * Listens to a text that has been read to its end and reports what is heard in it and not written so, in the order of the
 * ends. Only owners that are `wanted` are judged. Never throws; time and memory are linear in the text.
 */
export function listenTo<Owner>(
  views: TextViews,
  { matcher, forms }: SoundIndex<Owner>,
  wanted: (owner: Owner) => boolean,
  onHeard: (heard: Heard<Owner>) => void,
): void {
  if (forms.length === 0) return;
  const sounds = soundsOf(views);
  const judge = new Judge<Owner>(views, sounds);
  matcher.scan(sounds.units, 0, sounds.length, MATCHER_START, (pattern, to) => {
    for (const form of forms[pattern] ?? []) {
      const from = to - form.letters.length;
      if (!wanted(form.owner) || !judge.isMeant(form, from, to)) continue;
      onHeard({ owner: form.owner, first: sounds.first[from] ?? 0, last: sounds.last[to - 1] ?? 0 });
    }
  });
}

class Judge<Owner> {
  readonly #views: TextViews;
  readonly #sounds: SoundView;

  constructor(views: TextViews, sounds: SoundView) {
    this.#views = views;
    this.#sounds = sounds;
  }

  isMeant({ letters, reversed }: SoundForm<Owner>, from: number, to: number): boolean {
    const count = to - from;
    let latin = 0;
    let same = 0;
    for (let at = from; at < to; at += 1) {
      const letter = this.#sounds.letters[at] ?? 0;
      if (letter === 0) latin += 1;
      else if (letter === letters.charCodeAt(at - from)) same += 1;
    }
    // As written it has been read already; backwards it must be written so, or any few sounds would do.
    if (reversed !== (same === count)) return false;
    if (!this.#holdsTogether(from, to, count === 2 && latin === 0)) return false;
    if (latin > 0) return this.#isPinyin(from, to, latin, same);
    return reversed || count > 2 || !isOrdinary(this.#views.folded, this.#sounds.last[from] ?? 0);
  }

  /** No clause ends inside, and two syllables are one sign or space apart at most. */
  #holdsTogether(from: number, to: number, tightly: boolean): boolean {
    const { folded } = this.#views;
    for (let at = from; at < to - 1; at += 1) {
      const gapFrom = (this.#sounds.last[at] ?? 0) + 1;
      const gap = (this.#sounds.first[at + 1] ?? 0) - gapFrom;
      if (gap > (tightly ? 0 : 1)) return false;
      const kind = folded.kinds[gapFrom];
      if (gap === 1 && (kind === KIND.stop || kind === KIND.pause)) return false;
    }
    return true;
  }

  /** Latin letters beside Chinese ones, or enough of them; in any case whole words, not pieces of English ones. */
  #isPinyin(from: number, to: number, latin: number, same: number): boolean {
    const count = to - from;
    if (latin === count && count < LONG_SYLLABLES_MIN) return false;
    if (count === 2 && same === 0) return false;
    if (latin === count && count >= INSIDE_RUN_SYLLABLES_MIN) return true;
    const { kinds } = this.#views.folded;
    const before = (this.#sounds.first[from] ?? 0) - 1;
    const after = (this.#sounds.last[to - 1] ?? 0) + 1;
    const cutsLeft = this.#sounds.letters[from] === 0 && kinds[before] === KIND.latin;
    const cutsRight = this.#sounds.letters[to - 1] === 0 && kinds[after] === KIND.latin;
    return !cutsLeft && !cutsRight;
  }
}
