import { type IntentRule, wordsOf } from "../phrases/intent-rules.ts";
import { phrasesOf } from "../phrases/lexicon.ts";
import { type Phrase, phraseIndexSteps } from "../phrases/phrase-index.ts";
import { type Owner, type Ruleset, TextScan } from "../phrases/text-scan.ts";
import type { Steps } from "../steps.ts";
import type { Stage } from "../verdict.ts";
import type { Pack } from "./policy-schema.ts";

/** Terms and rules of one pack, or of the policy itself. */
export type Source = Pick<Pack, "allow" | "lexicon" | "rules" | "words"> & { name: string };
export type StageOf = Record<string, Stage | "off">;

/** A phrase that begins with this sign names a list of `words`. */
const LIST_SIGN = "@";

/**
 * Makes one index of all phrases and one list of all rules. `stages` sets single rules and lists, by id, to a stage of their
 * own or takes them out. Faults are added to `faults`, each with its place.
 */
export function* rulesetSteps(
  sources: readonly Source[],
  stages: StageOf,
  commonWords: Record<string, string>,
  faults: string[],
): Steps<Ruleset> {
  const phrases: (Phrase<Owner> & { where: string })[] = [];
  const rules: IntentRule[] = [];
  const ids = { lexicon: new Set<string>(), rules: new Set<string>() };
  const enter = (kind: "lexicon" | "rules", id: string) => {
    if (ids[kind].has(id)) faults.push(`${kind}: the id ${id} is given twice`);
    ids[kind].add(id);
  };
  for (const { allow, lexicon, rules: written, words } of sources) {
    const known = { ...commonWords, ...words };
    const expand = (list: readonly string[], where: string) => expanded(list, known, where, faults);
    for (const text of expand(allow, "allow")) {
      phrases.push({ text, match: undefined, owner: { kind: "allow" }, where: "allow" });
    }
    for (const list of lexicon) {
      enter("lexicon", list.id);
      const stage = stages[list.id];
      if (stage === "off") continue;
      const own = stage === undefined ? list : { ...list, stage };
      yield;
      for (const phrase of phrasesOf(own)) phrases.push({ ...phrase, where: `lexicon.${list.id}` });
    }
    for (const rule of written) {
      enter("rules", rule.id);
      const stage = stages[rule.id];
      if (stage === "off") continue;
      const where = `rules.${rule.id}`;
      const all = rule.all.map((list) => expand(list, where));
      rules.push({ ...rule, all, unless: expand(rule.unless, where), ...(stage === undefined ? {} : { stage }) });
    }
  }
  for (const id of Object.keys(stages)) {
    if (!ids.lexicon.has(id) && !ids.rules.has(id)) faults.push(`stages: there is no rule or list ${id}`);
  }
  for (const { text, word } of wordsOf(rules)) {
    const id = rules[word.roles[0]?.rule ?? 0]?.id ?? "";
    phrases.push({ text, match: undefined, owner: word, where: `rules.${id}` });
  }
  const index = yield* phraseIndexSteps(phrases, ({ where, text }, fault) => {
    faults.push(`${where}: "${text.slice(0, 20)}" ${fault}`);
  });
  return { index, rules };
}

function expanded(list: readonly string[], words: Record<string, string>, where: string, faults: string[]): string[] {
  return list.flatMap((phrase) => {
    if (!phrase.startsWith(LIST_SIGN)) return [phrase];
    const written = words[phrase.slice(LIST_SIGN.length)];
    if (written === undefined) faults.push(`${where}: there is no list of words ${phrase}`);
    return (written ?? "").split(/[,，\n]/u).flatMap((word) => (word.trim() === "" ? [] : [word.trim()]));
  });
}

/** A rule that misses what it was written for, or hits what it must not, is a mistake in the policy. */
export function* exampleSteps(ruleset: Ruleset, faults: string[]): Steps<void> {
  for (const rule of ruleset.rules) {
    yield;
    const direction = rule.direction === "answer" ? "answer" : "question";
    const fires = (text: string) => {
      const scan = new TextScan(ruleset, direction);
      scan.push(text);
      scan.end();
      return scan.signals().some((signal) => signal.checker === "rules" && signal.rule === rule.id);
    };
    rule.hits.forEach((text, index) => {
      if (!fires(text)) faults.push(`rules.${rule.id}.hits.${index}: the rule does not hit this example`);
    });
    rule.passes.forEach((text, index) => {
      if (fires(text)) faults.push(`rules.${rule.id}.passes.${index}: the rule hits this example, which must pass`);
    });
  }
}
