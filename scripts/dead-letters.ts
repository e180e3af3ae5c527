import { Events } from "../src/base/events.ts";
import { createLogger } from "../src/base/logger.ts";
import { DeadLetters } from "../src/session/dead-letters.ts";
import { connectRedis, readyWithin } from "../src/session/redis.ts";

/**
 * Messages that were set aside because they could not be answered or delivered:
 *   npm run dead-letters                    lists them
 *   npm run dead-letters -- resend ID       answers one again (or `all`)
 * Reads REDIS_URL. Shows who, when and why, never what was written.
 */
const [verb = "list", id] = process.argv.slice(2);
const redis = connectRedis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379/0", new Events(createLogger("silent")));
await readyWithin(redis, 5_000);
const letters = new DeadLetters(redis);
try {
  if (verb === "list") await list();
  else if (verb === "resend" && id !== undefined) await resend(id);
  else usage();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  redis.disconnect();
}

async function list(): Promise<void> {
  const all = await letters.list();
  for (const { message, reason, atMs } of all) {
    const row = [
      new Date(atMs).toISOString(),
      message.channel,
      message.sender.userId,
      reason ?? "internal",
      message.id,
    ];
    process.stdout.write(`${row.join("  ")}\n`);
  }
  process.stdout.write(all.length === 0 ? "nothing is set aside\n" : `${all.length} set aside\n`);
}

async function resend(wanted: string): Promise<void> {
  const ids = wanted === "all" ? (await letters.list()).map(({ message }) => message.id) : [wanted];
  for (const messageId of ids) {
    const sent = await letters.sendAgain(messageId);
    process.stdout.write(`${messageId}  ${sent ? "is answered again" : "is not set aside"}\n`);
    if (!sent) process.exitCode = 1;
  }
}

function usage(): void {
  process.stderr.write("usage: npm run dead-letters [-- list | resend ID | resend all]\n");
  process.exitCode = 2;
}
