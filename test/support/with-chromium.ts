import { describe } from "@jest/globals";
import { findChromium } from "../../scripts/chat-page-driver.ts";

const here = findChromium() !== null;
if (!here) process.stderr.write("no Chromium on this machine: what needs a browser is skipped\n");

/** `describe` where there is a browser; else the tests are counted as skipped. */
export const withChromium = here ? describe : describe.skip;
