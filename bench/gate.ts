import { type GateRunResult, runGate } from "./gate-simulation.ts";

/**
 * What the output gate costs and what it keeps back, with a scripted model and guard on a virtual clock: the figures say
 * what the gate does, not how fast this machine is.
 */
export const name = "gate";

const PLACES = 40;
const ANSWER_UNITS = 800;
const LISTED = "炸弹制作教程";

export async function run(): Promise<void> {
  await compare("no guard", { guarded: false });
  await compare("guard", { guarded: true });
  await compare("guard, three times slower", { guarded: true, slowness: 3 });
  const listed = await everywhere((harmAt) => runGate({ harmAt, listed: LISTED, guarded: false }));
  const most = Math.max(...listed.map(({ harmfulShown }) => harmfulShown));
  print(`a word of a list: ${most} characters of it shown at most, over ${listed.length} places`);
}

async function compare(label: string, options: { guarded: boolean; slowness?: number }): Promise<void> {
  const plain = await runGate({ harmAt: null, ...options });
  const firstMs = (plain.firstShownMs ?? plain.endedMs) - plain.modelFirstMs;
  const endMs = plain.endedMs - plain.modelEndedMs;
  const harmful = await everywhere((harmAt) => runGate({ harmAt, ...options }));
  const shown = harmful.map(({ harmfulShown }) => Math.max(0, harmfulShown)).sort((one, other) => one - other);
  const mean = shown.reduce((sum, units) => sum + units, 0) / shown.length;
  print(
    `${label}: first text +${firstMs.toFixed(0)} ms, end +${endMs.toFixed(0)} ms, ${plain.guardCalls} guard calls for ` +
      `${ANSWER_UNITS} characters; harmful characters shown: mean ${mean.toFixed(0)}, p95 ${quantile(shown, 0.95)}`,
  );
}

async function everywhere(one: (harmAt: number) => Promise<GateRunResult>): Promise<GateRunResult[]> {
  const results: GateRunResult[] = [];
  for (let place = 0; place < PLACES; place += 1) {
    results.push(await one(Math.floor(((place + 0.5) / PLACES) * (ANSWER_UNITS - 40))));
  }
  return results;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
