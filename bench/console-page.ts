import { findChromium, onScreen } from "../scripts/chat-page-driver.ts";
import { builtConsole, DESK } from "../test/support/console-page.ts";
import type { ConsoleClient } from "./console-client.ts";

const RUNS = 5;
const PAGE_MS = 1_000;

/** Builds the page and looks for a browser, before anything is measured. */
export async function preparePage(): Promise<boolean> {
  if (findChromium() === null) {
    process.stdout.write("The page is not measured: there is no Chromium (install it, or set CHROMIUM_PATH).\n");
    return false;
  }
  await builtConsole();
  return true;
}

/** From the navigation, in a browser that has nothing of the page yet, to the first row of the queue. */
export async function measurePage(client: ConsoleClient): Promise<string[]> {
  const tookMs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    await onScreen("about:blank", DESK, [], async (page) => {
      await page.context().addCookies([{ ...client.cookie, url: client.url }]);
      const fromMs = performance.now();
      await page.goto(`${client.url}/admin/`, { waitUntil: "commit" });
      await page.getByTestId("row").first().waitFor();
      tookMs.push(performance.now() - fromMs);
    });
  }
  // So few runs have no 95th of a hundred: the middle one counts, the slowest is shown.
  const sorted = tookMs.sort((a, b) => a - b);
  const middleMs = sorted[Math.floor(RUNS / 2)] ?? 0;
  const verdict = middleMs < PAGE_MS ? "below" : "OVER";
  process.stdout.write(
    `  page, nothing cached, to the first row: median of ${RUNS} ${middleMs.toFixed(0)} ms, slowest ` +
      `${(sorted.at(-1) ?? 0).toFixed(0)} ms  ${verdict} ${PAGE_MS} ms\n`,
  );
  return middleMs < PAGE_MS ? [] : ["page"];
}
