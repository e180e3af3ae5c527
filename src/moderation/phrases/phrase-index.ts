import type { Steps } from "../steps.ts";
import { type Matcher, matcherSteps } from "./matcher.ts";
import { type Form, formsOf, type MatchMode, VIEW } from "./phrase.ts";
import { SoundCollector, type SoundIndex } from "./sound-index.ts";

/** A phrase to look for, and what it stands for. */
export interface Phrase<Owner> {
  text: string;
  match: MatchMode | undefined;
  owner: Owner;
  /** Listened for as well (sound-index.ts), so far as it is Chinese. */
  heard?: boolean;
}

/** A form of a phrase with what the phrase stands for. */
export interface OwnedForm<Owner> extends Form {
  owner: Owner;
}

/** Forms with one automaton over their patterns; `forms[pattern]` are the forms that share a pattern. */
export interface FormIndex<Owner> {
  matcher: Matcher;
  forms: OwnedForm<Owner>[][];
}

/** All phrases of a policy. Latin words have an automaton of their own: their patterns begin and end with a space. */
export interface PhraseIndex<Owner> {
  letters: FormIndex<Owner>;
  words: FormIndex<Owner>;
  sounds: SoundIndex<Owner>;
  /** How many phrases can be found. */
  phrases: number;
  /** Memory of the automata. */
  bytes: number;
}

/** Phrases entered in one step. */
const STEP_PHRASES = 64;

/** Builds the index, in steps of about a millisecond. `onFault` hears of every phrase that cannot be matched; those are left out. */
export function* phraseIndexSteps<Owner, P extends Phrase<Owner>>(
  phrases: readonly (P & Phrase<Owner>)[],
  onFault: (phrase: P, fault: string) => void,
): Steps<PhraseIndex<Owner>> {
  const letters = new FormCollector<Owner>();
  const words = new FormCollector<Owner>();
  const sounds = new SoundCollector<Owner>();
  let count = 0;
  for (const [at, phrase] of phrases.entries()) {
    if (at % STEP_PHRASES === 0) yield;
    const forms = formsOf(phrase.text, phrase.match);
    if (typeof forms === "string") {
      onFault(phrase, forms);
      continue;
    }
    count += 1;
    for (const form of forms) (form.views === VIEW.words ? words : letters).add(form, phrase.owner);
    if (phrase.heard === true) sounds.add(phrase.text, phrase.owner);
  }
  const index = { letters: yield* letters.index(), words: yield* words.index(), sounds: yield* sounds.index() };
  const bytes = index.letters.matcher.bytes + index.words.matcher.bytes + index.sounds.matcher.bytes;
  return { ...index, phrases: count, bytes };
}

class FormCollector<Owner> {
  readonly #numbers = new Map<string, number>();
  readonly #forms: OwnedForm<Owner>[][] = [];

  add(form: Form, owner: Owner): void {
    const number = this.#numbers.get(form.pattern);
    const sharing = number === undefined ? undefined : this.#forms[number];
    if (sharing === undefined) {
      this.#numbers.set(form.pattern, this.#forms.length);
      this.#forms.push([{ ...form, owner }]);
      return;
    }
    // The views mostly show a phrase alike: one form then stands for several of them.
    const same = sharing.find((other) => other.owner === owner && sameShape(other, form));
    if (same === undefined) sharing.push({ ...form, owner });
    else same.views |= form.views;
  }

  *index(): Steps<FormIndex<Owner>> {
    return { matcher: yield* matcherSteps([...this.#numbers.keys()]), forms: this.#forms };
  }
}

function sameShape(one: Form, other: Form): boolean {
  return one.plain === other.plain && one.runs.every((run) => run === 1) && other.runs.every((run) => run === 1);
}
