import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OPERATIONS = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
const ERRORS = readFileSync(join(ROOT, "docs/errors.md"), "utf8");

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}

describe("docs/operations.md and docs/errors.md", () => {
  test("the table of metrics names every metric, with its labels, and no other", () => {
    const events = new Events(createLogger("silent"));
    events.watchModelEndpoints(() => ({ endpoints: [], waiting: 0 }));
    const { registry } = events;
    const defined = registry.getMetricsAsArray().map((metric) => {
      // prom-client keeps the label names, but its types do not tell of them.
      const { name, labelNames = [] } = metric as unknown as { name: string; labelNames?: string[] };
      return `${name} | ${labelNames.join(", ")}`.trimEnd();
    });
    const documented = [...OPERATIONS.matchAll(/^\| `(yingda_\w+)` \| ([\w, ]*)\| /gm)].map(
      ([, name = "", labels = ""]) => `${name} | ${labels}`.trimEnd(),
    );
    expect(documented.toSorted()).toEqual(defined.toSorted());
    expect(defined.length).toBeGreaterThan(10);
  });

  test("every alert that the source can raise has a cure in the table of alerts", () => {
    const source = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith("events.ts"))
      .map((name) => readFileSync(join(ROOT, "src", name), "utf8"))
      .join("\n");
    const raised = [
      ...matches(source, /\balert\(\s*"([a-z_]+)"/g),
      ...matches(source, /\balert: "([a-z_]+)"/g),
      // An operator's fault of a database engine becomes the alert of the same name.
      ...matches(source, /kind: "operator",\s*code: "([a-z_]+)"/g),
    ];
    const [, table = ""] = ERRORS.split("## Alerts");
    const documented = matches(table, /`([a-z]+_[a-z_]+)`/g);
    expect(raised.length).toBeGreaterThan(8);
    expect(raised.filter((alert) => !documented.includes(alert))).toEqual([]);
  });
});
