import { describe, YingdaError } from "./base/errors.ts";
import { readConfig } from "./config.ts";
import { createGateway, type Gateway } from "./gateway.ts";

/** A stop that takes longer than this is ended hard: what was kept in Redis goes on elsewhere. */
const STOP_MS_MAX = 28_000;

/** The process: environment in, gateway up, signal out, bounded stop. */
async function main(): Promise<void> {
  const gateway = await createGateway(readConfig(process.env));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void stop(gateway, signal));
  }
}

async function stop(gateway: Gateway, signal: string): Promise<void> {
  gateway.log.info({ signal }, "stopping: running turns may finish");
  const hard = setTimeout(() => {
    gateway.log.error({ afterMs: STOP_MS_MAX }, "stopping took too long");
    process.exit(1);
  }, STOP_MS_MAX);
  await gateway.stop();
  clearTimeout(hard);
  gateway.log.info("stopped");
  process.exit(0);
}

try {
  await main();
} catch (error) {
  // Before there is a logger, and for a person at a terminal: the plain sentence, no stack.
  process.stderr.write(`${error instanceof YingdaError ? error.message : describe(error)}\n`);
  process.exit(1);
}
