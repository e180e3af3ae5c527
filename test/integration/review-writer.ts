/**
 * A process of its own that writes records until it is told to stop or is killed: one batch after the other, and a line
 * with the batch's turn ids once it is acknowledged. Arguments: JSON of `WriterOptions`.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { openRecordStore } from "../../src/review/record-store.ts";
import { sampleTurns } from "./review-samples.ts";

export interface WriterOptions {
  databaseUrl: string | null;
  dataDir: string;
  prefix: string;
  batches: number;
}

const { databaseUrl, dataDir, prefix, batches } = JSON.parse(process.argv[2] ?? "") as WriterOptions;
const store = openRecordStore({
  databaseUrl: databaseUrl === null ? null : new Secret(databaseUrl),
  dataDir,
  clock: systemClock,
});
for (let batch = 0; batch < batches; batch += 1) {
  const turns = sampleTurns(1 + (batch % 4), `${prefix}.${batch}`);
  await store.write(turns);
  // Synchronous, so that a line that arrived was acknowledged, and one that did not may only be unknown.
  writeSync(1, `${turns.map((turn) => turn.turnId).join(" ")}\n`);
}
await store.close();
