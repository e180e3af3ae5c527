import { readFileSync, writeFileSync } from "node:fs";
import { openApiOf } from "../src/handlers/admin/openapi.ts";
import { ADMIN_ROUTES } from "../src/handlers/admin/routes.ts";

// Writes docs/openapi.json from the table of routes. Run: node scripts/make-openapi.ts && npx biome format --write docs/openapi.json
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const file = new URL("../docs/openapi.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(openApiOf(ADMIN_ROUTES, version), null, 2)}\n`);
