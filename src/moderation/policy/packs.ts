import { readdirSync, readFileSync } from "node:fs";
import { type Pack, packSchema } from "./policy-schema.ts";
import { parseYaml } from "./policy-yaml.ts";

/** Terms and rules that ship with the service, one file for each kind of harm; a policy names those it wants. */
const FOLDER = new URL("./packs/", import.meta.url);
const SUFFIX = ".yaml";
/** Word lists that the rules of every pack may name; it holds nothing else and needs no naming itself. */
const COMMON = "common";

/** Names of the packs, in the order of the alphabet. */
export function packNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(SUFFIX) && file !== `${COMMON}${SUFFIX}`)
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

/** The pack and its text; null when there is none of that name. Throws `bad_config` for one that cannot be read. */
export function readPack(name: string): { pack: Pack; source: string } | null {
  if (!packNames().includes(name)) return null;
  return readFile(name);
}

/** Word lists that all packs and policies share. */
export function readCommonWords(): { words: Pack["words"]; source: string } {
  const { pack, source } = readFile(COMMON);
  return { words: pack.words, source };
}

function readFile(name: string): { pack: Pack; source: string } {
  const source = readFileSync(new URL(`${name}${SUFFIX}`, FOLDER), "utf8");
  return { pack: parseYaml(source, packSchema, `pack ${name}`), source };
}
