import { parseArgs } from "node:util";
import { systemClock } from "../src/base/clock.ts";
import { YingdaError } from "../src/base/errors.ts";
import { Events } from "../src/base/events.ts";
import { createLogger } from "../src/base/logger.ts";
import { Secret } from "../src/base/secret.ts";
import { loadClassifier } from "../src/moderation/classifier/classifier.ts";
import { createGuard, type Guard, type GuardKind } from "../src/moderation/guard/guard.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";
import { committedTables } from "./eval/committed.ts";
import { writePart } from "./eval/figures-page.ts";
import { type Judges, measure, policyWithTerms, shareOf } from "./eval/measure.ts";
import { percent } from "./eval/proportion.ts";
import { type Row, readFolder, readSet, type TextSet } from "./eval/sets.ts";
import { markdownTable } from "./eval/table.ts";

/**
 * `npm run eval:moderation`: measures moderation on the banks that ship with the project and on sets of your own, and prints
 * tables with 95 % intervals. `--data FOLDER` reads every `.jsonl` in it, `--set FILE` one; `GUARD_BASE_URL` and its
 * neighbours measure a guard model too. `--write` puts the tables into docs/moderation-figures.md. It prints numbers, never a
 * text.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", multiple: true, default: [] },
      set: { type: "string", multiple: true, default: [] },
      max: { type: "string", default: "1000000" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log("npm run eval:moderation -- [--data FOLDER]... [--set FILE.jsonl]... [--max TEXTS_OF_A_SET] [--write]");
    return;
  }
  const policy = loadPolicy(undefined);
  const judges: Judges = { policy, classifier: loadClassifier(), guard: guardFrom(process.env) };
  const versions = `Policy ${policy.version}, classifier ${judges.classifier?.version}`;
  const committed = `${versions}\n\n${(await committedTables(judges)).join("\n\n")}`;
  console.log(committed);
  if (values.write) writePart("committed", committed);
  const sets = [...values.data.flatMap(readFolder), ...values.set.map((path) => readSet(path))];
  if (sets.length === 0) {
    console.log("\nNo other sets were measured: name a folder with --data or a file with --set.");
    return;
  }
  const today = new Date().toISOString().slice(0, 10);
  const measured = `${versions}, ${today}\n\n${await tablesOf(sets, judges, Number(values.max))}`;
  console.log(`\n${measured}`);
  if (values.write) writePart("sets", measured);
}

async function tablesOf(sets: readonly TextSet[], judges: Judges, textsMax: number): Promise<string> {
  const isDisguise = ({ category, pair }: Row) => pair !== undefined && category.startsWith("evasion");
  const isPersonal = ({ category }: Row) => category.startsWith("pii");
  const plain = sets.filter(({ rows }) => !rows.some((row) => isDisguise(row) || isPersonal(row)));
  const rows = sets.flatMap((set) => set.rows);
  const disguises = rows.filter(isDisguise);
  const personal = rows.filter(isPersonal);
  const tables = [
    await tableOf(
      plain.flatMap((set) => halves(set, textsMax)),
      judges,
    ),
  ];
  if (disguises.length > 0) tables.push(await tableOfDisguises(disguises, judges));
  if (personal.length > 0) tables.push(await tableOfPersonalData(personal, judges));
  return tables.join("\n\n");
}

/** The harmful and the harmless part of a set, each at most so long, by even steps through it. */
function halves({ name, rows }: TextSet, textsMax: number): { name: string; rows: Row[] }[] {
  return [true, false].flatMap((harmful) => {
    const part = rows.filter((row) => row.harmful === harmful);
    const step = Math.max(1, Math.ceil(part.length / textsMax));
    const taken = part.filter((_, index) => index % step === 0);
    return taken.length === 0 ? [] : [{ name: `${name}, ${harmful ? "harmful" : "harmless"}`, rows: taken }];
  });
}

async function tableOf(parts: { name: string; rows: Row[] }[], judges: Judges): Promise<string> {
  const lines: string[][] = [];
  for (const { name, rows } of parts) {
    const counts = await measure(rows, judges);
    const shares = (["refused", "flagged", "rules", "lexicon", "classifier"] as const).map((what) =>
      percent(shareOf(counts, what)),
    );
    const guard = judges.guard === null ? [] : [percent(shareOf(counts, "guard"))];
    lines.push([name, String(counts.texts), ...shares, ...guard, counts.usMedian.toFixed(0)]);
  }
  const guard = judges.guard === null ? [] : ["guard"];
  return markdownTable(
    ["set", "texts", "refused", "refused or flagged", "rules", "words", "style ≥ 0.9", ...guard, "µs (median)"],
    lines,
  );
}

async function tableOfDisguises(rows: Row[], judges: Judges): Promise<string> {
  const policy = policyWithTerms([...new Set(rows.flatMap(({ pair }) => pair ?? []))]);
  const lines: string[][] = [];
  for (const [category, group] of Map.groupBy(rows, (row) => row.category)) {
    const counts = await measure(group, { ...judges, policy, guard: null, classifier: null });
    lines.push([category.replace(/^evasion\//, ""), String(counts.texts), percent(shareOf(counts, "found"))]);
  }
  return markdownTable(["disguise", "texts", "found"], lines);
}

async function tableOfPersonalData(rows: Row[], judges: Judges): Promise<string> {
  const lines: string[][] = [];
  for (const [category, group] of Map.groupBy(rows, (row) => row.category)) {
    const counts = await measure(group, { ...judges, guard: null, classifier: null });
    lines.push([category, String(counts.texts), percent(shareOf(counts, "personal"))]);
  }
  for (const harmful of [true, false]) {
    const counts = await measure(
      rows.filter((row) => row.harmful === harmful),
      { ...judges, guard: null },
    );
    lines.push([
      harmful ? "all personal data" : "all look-alikes",
      String(counts.texts),
      percent(shareOf(counts, "personal")),
    ]);
  }
  return markdownTable(["personal data and look-alikes", "texts", "found"], lines);
}

function guardFrom(env: Record<string, string | undefined>): Guard | null {
  const { GUARD_BASE_URL: baseUrl, GUARD_MODEL: model, GUARD_API_KEY: key, GUARD_KIND: kind = "qwen3guard" } = env;
  if (baseUrl === undefined || baseUrl === "") return null;
  const apiKey = key === undefined ? null : new Secret(key);
  const events = new Events(createLogger("silent"));
  return createGuard({ kind: kind as GuardKind, baseUrl, apiKey, model: model ?? "guard", events, clock: systemClock });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof YingdaError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
