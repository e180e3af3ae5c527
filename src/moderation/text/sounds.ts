import { KIND, KIND_OF_UNIT } from "./fold.ts";
import { MAIN_READINGS, OTHER_READINGS } from "./syllables.ts";
import type { DerivedView, FoldedView } from "./view.ts";

/**
 * A text as it sounds: one unit for each syllable, tones left out. Who writes 毒拼 or 毒pin for 毒品 counts on a reader who
 * listens. The view is made of a whole text at once and only serves to score: very different words sound alike.
 */

/** In a sound view: here what is under way ends. */
const BREAK = 0;
/** Longer runs of Latin letters are no pinyin; the limit also bounds the work on one run. */
const RUN_LETTERS_MAX = 64;
const LETTER_A = 0x61;
const LETTERS = 26;

const numberOf = new Map<string, number>();
/** The usual syllable of a folded Chinese character, as a number from 1; 0 where none is known. */
export const SOUND_OF_UNIT = new Uint16Array(0x10000);
const otherSounds = new Map<number, number[]>();

for (const { syllable, units } of readingsOf(MAIN_READINGS)) {
  const sound = numberOf.get(syllable) ?? numberOf.size + 1;
  numberOf.set(syllable, sound);
  for (const unit of units) SOUND_OF_UNIT[unit] = sound;
}
for (const { syllable, units } of readingsOf(OTHER_READINGS)) {
  const sound = numberOf.get(syllable);
  // A syllable that is nobody's usual one cannot be met in a text.
  if (sound !== undefined) for (const unit of units) otherSounds.set(unit, [...(otherSounds.get(unit) ?? []), sound]);
}

function readingsOf(table: string): { syllable: string; units: number[] }[] {
  return table
    .trim()
    .split("\n")
    .map((line) => {
      const [syllable = "", characters = ""] = line.split(" ");
      return { syllable, units: Array.from({ length: characters.length }, (_, at) => characters.charCodeAt(at)) };
    });
}

/** Further syllables that a common character has: 行 is xing, and hang as well. */
export function otherSoundsOf(unit: number): readonly number[] {
  return otherSounds.get(unit) ?? [];
}

/** Syllables letter by letter: node × letter → node, 0 where none. A node's sound is 0 unless a syllable ends there. */
const { children, soundAt } = buildTrie();

function buildTrie(): { children: Uint16Array; soundAt: Uint16Array } {
  const nodesMax = [...numberOf.keys()].reduce((sum, syllable) => sum + syllable.length, 1);
  const next = new Uint16Array(nodesMax * LETTERS);
  const sounds = new Uint16Array(nodesMax);
  let nodes = 1;
  for (const [syllable, sound] of numberOf) {
    let node = 0;
    for (let at = 0; at < syllable.length; at += 1) {
      const edge = node * LETTERS + syllable.charCodeAt(at) - LETTER_A;
      if (next[edge] === 0) {
        next[edge] = nodes;
        nodes += 1;
      }
      node = next[edge] ?? 0;
    }
    sounds[node] = sound;
  }
  return { children: next, soundAt: sounds };
}

/**
 * The syllables that letters a to z fall into, as pairs of sound and length; empty when they do not, or are more than
 * RUN_LETTERS_MAX. The longest first syllable wins that leaves a whole rest: fangan is fang an.
 */
export function syllablesIn(letters: Uint16Array, from: number, to: number): { sound: number; size: number }[] {
  const count = to - from;
  if (count > RUN_LETTERS_MAX) return [];
  const sizes = new Uint8Array(count);
  const sounds = new Uint16Array(count);
  for (let at = count - 1; at >= 0; at -= 1) {
    let node = 0;
    for (let end = at; end < count; end += 1) {
      node = children[node * LETTERS + (letters[from + end] ?? 0) - LETTER_A] ?? 0;
      if (node === 0) break;
      const sound = soundAt[node] ?? 0;
      if (sound !== 0 && (end + 1 === count || sizes[end + 1] !== 0)) {
        sizes[at] = end + 1 - at;
        sounds[at] = sound;
      }
    }
  }
  const syllables: { sound: number; size: number }[] = [];
  for (let at = 0; at < count; at += sizes[at] ?? 0) {
    if (sizes[at] === 0) return [];
    syllables.push({ sound: sounds[at] ?? 0, size: sizes[at] ?? 0 });
  }
  return syllables;
}

/** Each unit is a syllable (or 0, a break) and covers the folded units `first` to `last`. */
export class SoundView {
  readonly units: Uint16Array;
  /** The Chinese character that sounds so, or 0 where Latin letters do. */
  readonly letters: Uint16Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  length = 0;

  constructor(unitsMax: number) {
    this.units = new Uint16Array(unitsMax);
    this.letters = new Uint16Array(unitsMax);
    this.first = new Int32Array(unitsMax);
    this.last = new Int32Array(unitsMax);
  }

  push(unit: number, letter: number, first: number, last: number): void {
    if (unit === BREAK && (this.length === 0 || this.units[this.length - 1] === BREAK)) return;
    this.units[this.length] = unit;
    this.letters[this.length] = letter;
    this.first[this.length] = first;
    this.last[this.length] = last;
    this.length += 1;
  }
}

/**
 * Listens to a text that has been read to its end. Linear in the text; every unit covers folded units of its own. A character
 * written twice sounds twice, since words are made so (时时彩); one written more often sounds once.
 */
export function soundsOf({ folded, squeezed }: { folded: FoldedView; squeezed: DerivedView }): SoundView {
  const view = new SoundView(folded.length + squeezed.length);
  /** First folded unit behind the Latin letters read so far: a run is read at once, in the squeezed view it comes in pieces. */
  let latinRead = 0;
  for (let at = 0; at < squeezed.length; at += 1) {
    const unit = squeezed.units[at] ?? 0;
    const first = squeezed.first[at] ?? 0;
    const last = squeezed.last[at] ?? 0;
    const kind = unit === BREAK ? KIND.mark : KIND_OF_UNIT[unit];
    if (kind === KIND.latin) {
      for (let index = Math.max(first, latinRead); index <= last; index += 1) {
        if (folded.kinds[index] !== KIND.latin) continue;
        latinRead = runEnd(folded, index);
        pushRun(view, folded, index, latinRead);
        index = latinRead - 1;
      }
    } else if (kind === KIND.digit && first === latinRead && last === first && isTone(unit) && view.length > 0) {
      // ma3: the tone belongs to the syllable before it.
      view.last[view.length - 1] = last;
      latinRead = 0;
    } else {
      const sound = kind === KIND.han ? (SOUND_OF_UNIT[unit] ?? BREAK) : BREAK;
      const twice = last === first + 1 && folded.units[first] === unit && folded.units[last] === unit;
      if (twice) view.push(sound, unit, first, first);
      view.push(sound, unit, twice ? last : first, last);
    }
  }
  return view;
}

function runEnd(folded: FoldedView, from: number): number {
  let end = from;
  while (end < folded.length && folded.kinds[end] === KIND.latin) end += 1;
  return end;
}

function pushRun(view: SoundView, folded: FoldedView, from: number, to: number): void {
  // One letter alone is a letter: 选A, 3 o.
  const syllables = to - from > 1 ? syllablesIn(folded.units, from, to) : [];
  if (syllables.length === 0) view.push(BREAK, 0, from, to - 1);
  let first = from;
  for (const { sound, size } of syllables) {
    view.push(sound, 0, first, first + size - 1);
    first += size;
  }
}

function isTone(unit: number): boolean {
  return unit >= 0x31 && unit <= 0x35;
}
