import { YingdaError } from "../src/base/errors.ts";
import { compare } from "./compare.ts";
import { evaluate } from "./evaluate.ts";
import { readSettings, USAGE } from "./settings.ts";

/**
 * `npm run eval`: plays a bank of conversations with the model that OPENAI_BASE_URL and OPENAI_MODEL name, as the service
 * would, and judges the answers (docs/eval.md). Ends with 1 when no case could be played.
 */
async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2));
  if (settings.help) {
    console.log(USAGE);
    return 0;
  }
  if (settings.compare !== null) {
    const { htmlPath } = await compare(settings.compare, settings, process.env, console.log);
    console.log(`\n${htmlPath}`);
    return 0;
  }
  const { results, jsonPath, htmlPath } = await evaluate(settings, process.env, console.log);
  console.log(`${jsonPath}\n${htmlPath}`);
  return results.cases.every(({ runs }) => runs.every(({ outcome }) => outcome === "error")) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof YingdaError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
