import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const exchange = z.strictObject({ ask: z.string().min(1), said: z.string().min(1) });
const schema = z.strictObject({ zh: z.array(exchange).min(10), en: z.array(exchange).min(10) });

/** Small talk of an office, to stand between a fact and the question about it. From the start again when it runs out. */
export function fillerTurns(language: "zh" | "en", count: number): { ask: string; said: string }[] {
  const bank = schema.parse(parse(readFileSync(join(import.meta.dirname, "filler.yaml"), "utf8")))[language];
  return Array.from({ length: count }, (_, index) => bank[index % bank.length]).filter((one) => one !== undefined);
}
