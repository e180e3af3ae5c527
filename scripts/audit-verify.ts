import { parseArgs } from "node:util";
import { systemClock } from "../src/base/clock.ts";
import { Events } from "../src/base/events.ts";
import { createLogger } from "../src/base/logger.ts";
import { Secret } from "../src/base/secret.ts";
import { openRecordStore } from "../src/review/record-store.ts";

/**
 * Reads the whole audit log and says whether its chain holds:
 *   npm run audit:verify                        prints the number of rows and the head: note it somewhere else
 *   npm run audit:verify -- --head 1234:abcd…   also looks whether a head that was noted earlier is part of it
 * Reads DATABASE_URL, else DATA_DIR. Ends with 1 when a row was changed, removed or put elsewhere.
 */
const { values } = parseArgs({ options: { head: { type: "string" } } });
const noted = headOf(values.head);
const { DATABASE_URL: url, DATA_DIR: dataDir } = process.env;
const records = openRecordStore({
  databaseUrl: url === undefined || url === "" ? null : new Secret(url),
  dataDir: dataDir === undefined || dataDir === "" ? "./data" : dataDir,
  clock: systemClock,
  events: new Events(createLogger("silent")),
});
try {
  const verdict = await records.audit.verify(noted);
  if (verdict.ok) {
    process.stdout.write(`the chain holds: ${verdict.rows} rows, head ${verdict.head.seq}:${verdict.head.hash}\n`);
  } else {
    process.stdout.write(`the chain is broken at row ${verdict.seq}: ${verdict.why}\n`);
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
} finally {
  await records.close();
}

function headOf(text: string | undefined): { seq: number; hash: string } | undefined {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^(\d+):([0-9a-f]+)$/u.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    process.stderr.write("--head is a number and a hash, as this command prints them: 1234:abcd…\n");
    process.exit(2);
  }
  return { seq: Number(seq), hash };
}
