import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openApiOf } from "../../src/handlers/admin/openapi.ts";
import { ADMIN_ROUTES } from "../../src/handlers/admin/routes.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));

describe("docs/openapi.json", () => {
  const made = openApiOf(ADMIN_ROUTES, read("package.json").version);

  test("is what the table of routes says; else run `node scripts/make-openapi.ts`", () => {
    expect(read("docs/openapi.json")).toEqual(JSON.parse(JSON.stringify(made)));
  });

  test("names every route once, with its least role, and only what comes before signing in is open", () => {
    const paths = made.paths as Record<string, Record<string, { "x-least-role": string; security?: unknown[] }>>;
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    );
    expect(operations).toHaveLength(ADMIN_ROUTES.length);
    const open = operations.filter(({ security }) => security?.length === 0).map(({ name }) => name);
    expect(open).toEqual(["get /login/options", "post /login/bootstrap", "get /login/wecom", "get /login/callback"]);
    expect(operations.every((operation) => operation["x-least-role"].length > 0)).toBe(true);
  });
});
