import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { onScreen } from "./chat-page-driver.ts";

/**
 * Takes the documentation's picture of an evaluation's report: `node scripts/eval-screenshot.ts data/eval/NAME.html`. Ends
 * with 1 when the browser's console has something to say.
 */
const IMAGE = path.join(import.meta.dirname, "..", "docs", "images", "eval-report.png");
const SCREEN = { width: 1080, height: 940, scale: 1 };

const [report] = process.argv.slice(2);
if (report === undefined) {
  process.stderr.write("usage: node scripts/eval-screenshot.ts REPORT.html\n");
  process.exitCode = 2;
} else {
  const complaints: string[] = [];
  await onScreen(pathToFileURL(report).href, SCREEN, complaints, async (page) => {
    await page.locator("svg").first().waitFor();
    await writeFile(IMAGE, await page.screenshot({ animations: "disabled" }));
  });
  if (complaints.length > 0) {
    process.stderr.write(`the browser's console says:\n${complaints.join("\n")}\n`);
    process.exitCode = 1;
  }
}
