import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { YingdaError } from "../../src/base/errors.ts";

/** One text of a set, and whether it should be refused. */
export interface Row {
  id: string;
  text: string;
  harmful: boolean;
  category: string;
  /** What the text is: something asked, or what a model answered to `prompt`. */
  direction: "question" | "answer";
  /** A plain term that the text disguises, in sets of disguises. */
  pair?: string;
}

export interface TextSet {
  name: string;
  rows: Row[];
}

const rowSchema = z.object({
  id: z.string(),
  text: z.string(),
  label: z.enum(["unsafe", "safe"]).optional(),
  expect: z.enum(["refuse", "answer"]).optional(),
  category: z.string().optional(),
  kind: z.string().optional(),
  pair: z.string().optional(),
  /** Given: the text is what a model answered to it. */
  prompt: z.string().optional(),
});

/** A set larger than this is not read: it is no list of messages. */
const SET_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads one set: a line of JSON for each text, `{"id", "text", "label": "unsafe" | "safe"}` or with `"expect": "refuse" |
 * "answer"`. `harmful` is for rows that say neither. Throws `bad_config` that names the line, never its text.
 */
export function readSet(path: string, harmful?: boolean): TextSet {
  const source = readFileSync(path, "utf8");
  if (source.length > SET_BYTES_MAX)
    throw new YingdaError("bad_config", `${path} is larger than 64 MiB; take a sample.`);
  const rows = source.split("\n").flatMap((line, index): Row[] => {
    if (line.trim() === "") return [];
    const parsed = rowSchema.safeParse(parsedJson(line));
    if (!parsed.success) {
      const why = parsed.error.issues[0]?.message ?? "is no row";
      throw new YingdaError("bad_config", `${path}, line ${index + 1}: ${why}`);
    }
    const { id, text, label, expect, category, kind, pair, prompt } = parsed.data;
    const direction = prompt === undefined ? "question" : "answer";
    if (label === undefined && expect === undefined && harmful === undefined) {
      throw new YingdaError("bad_config", `${path}, line ${index + 1}: needs label or expect`);
    }
    const said = label === undefined && expect === undefined ? harmful : label === "unsafe" || expect === "refuse";
    const row = { id, text, harmful: said === true, direction, category: category ?? kind ?? "" } as const;
    return [pair === undefined ? row : { ...row, pair }];
  });
  return { name: basename(path, ".jsonl"), rows };
}

/** All sets of a folder, by name. */
export function readFolder(folder: string): TextSet[] {
  if (!existsSync(folder)) throw new YingdaError("bad_config", `There is no folder ${folder} with sets to measure on.`);
  const files = readdirSync(folder).filter((file) => file.endsWith(".jsonl"));
  return files.sort().map((file) => readSet(join(folder, file)));
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
