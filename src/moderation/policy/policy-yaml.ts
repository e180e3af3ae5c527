import { type Document, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { YingdaError } from "../../base/errors.ts";

/** A policy is written by hand; its long part is the lexicon. The limit keeps a wrong file (a dump, a log) from being parsed for minutes. */
const POLICY_UNITS_MAX = 16 * 1024 * 1024;
/** Uses of one shared word list. YAML aliases inside aliases could otherwise blow a small file up. */
const ALIASES_MAX = 1000;
/** Faults printed. The rest of a broken import says the same again. */
const FAULTS_SHOWN_MAX = 50;

/** Reads YAML of a known form. Throws `bad_config` with one line for each fault: where it is, and what is wrong. */
export function parseYaml<T extends z.ZodType>(source: string, schema: T, what = "moderation policy"): z.output<T> {
  if (source.length > POLICY_UNITS_MAX)
    throw badPolicy([`the file is larger than ${POLICY_UNITS_MAX} characters`], what);
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { prettyErrors: true, lineCounter });
  if (document.errors.length > 0) {
    throw badPolicy(
      document.errors.map((error) => error.message.split("\n", 1)[0] ?? "not YAML"),
      what,
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    throw badPolicy([error instanceof Error ? error.message : "not YAML"], what);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map(({ path, message }) => {
    const line = lineOf(document, path, lineCounter);
    return `${line === null ? "" : `line ${line}: `}${path.join(".") || "the file"}: ${message}`;
  });
  throw badPolicy(faults, what);
}

/** The line of the thing at the path, or of the nearest thing around it that is written there. */
function lineOf(document: Document, path: PropertyKey[], lineCounter: LineCounter): number | null {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node !== "object" || node === null || !("range" in node)) continue;
    const range = node.range as [number, number, number] | undefined;
    if (range != null) return lineCounter.linePos(range[0]).line;
  }
  return null;
}

export function badPolicy(faults: string[], what = "moderation policy"): YingdaError {
  const more = faults.length > FAULTS_SHOWN_MAX ? [`… and ${faults.length - FAULTS_SHOWN_MAX} more`] : [];
  const lines = [...faults.slice(0, FAULTS_SHOWN_MAX), ...more].map((fault) => `  ${fault}`);
  return new YingdaError("bad_config", `The ${what} cannot be used:\n${lines.join("\n")}`);
}
