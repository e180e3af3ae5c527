import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");
const LANGUAGES = ["README.md", "README.zh-CN.md"];

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Each once, in the order of the alphabet. */
function named(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))].sort();
}

const VARIABLE = /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|HOST|PORT|ROLE)`/g;
/** Of the demo, which is no part of the service. */
const DEMO_ONLY = ["DEMO_PORT"];

describe("README in both languages", () => {
  const schema = /z\.object\(\{\n([\s\S]*?)\n\}\);/.exec(read("src/config.ts"))?.[1] ?? "";
  const variables = named(schema, /^ {2}([A-Z][A-Z0-9_]+):/gm);

  test.each(LANGUAGES)("%s names every variable that the configuration reads, and no other", (file) => {
    expect(variables.length).toBeGreaterThan(30);
    const documented = named(read(file), VARIABLE).filter((name) => !DEMO_ONLY.includes(name));
    expect(documented).toEqual(variables);
  });

  test("both show the same promises by the same tests, and the same commands", () => {
    const [english = "", chinese = ""] = LANGUAGES.map(read);
    for (const pattern of [/`(test\/[\w./-]+\.ts)`/g, /(npm (?:run \w+|test|start))/g]) {
      expect(named(chinese, pattern)).toEqual(named(english, pattern));
      expect(named(english, pattern).length).toBeGreaterThan(3);
    }
  });

  test("both guides from nothing to a bot name the same variables, all of which exist", () => {
    const english = named(read("docs/wecom-setup.md"), VARIABLE);
    expect(named(read("docs/wecom-setup.zh-CN.md"), VARIABLE)).toEqual(english);
    expect(english.filter((name) => !variables.includes(name))).toEqual([]);
    expect(english.length).toBeGreaterThan(6);
  });
});
