import { Worker } from "node:worker_threads";
import { YingdaError } from "../../base/errors.ts";
import { compilePolicy, type Policy } from "./policy.ts";
import type { WrittenPolicy } from "./policy-schema.ts";

/** What the reading thread answers. */
export type PolicyReading = { written: WrittenPolicy } | { fault: string };

/** A thread that takes longer is stuck: a policy of 16 MiB is read in some seconds. */
const READ_MS_MAX = 60_000;

/**
 * Loads a policy without holding up the event loop: the YAML is read and checked in a thread of its own, its terms and rules are
 * put together here in short steps. Rejects with `bad_config` as `loadPolicy` throws it.
 */
export async function loadPolicyGently(source: string): Promise<Policy> {
  const reading = await readInThread(source);
  if ("fault" in reading) throw new YingdaError("bad_config", reading.fault);
  return compilePolicy(source, reading.written);
}

async function readInThread(source: string): Promise<PolicyReading> {
  const { promise, resolve, reject } = Promise.withResolvers<PolicyReading>();
  const thread = new Worker(new URL("./policy-reader-thread.ts", import.meta.url), { workerData: source });
  const late = setTimeout(() => reject(new YingdaError("internal", "the policy took too long to read")), READ_MS_MAX);
  thread.once("message", resolve);
  thread.once("error", reject);
  thread.once("exit", () => reject(new YingdaError("internal", "the thread that reads the policy ended early")));
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    await thread.terminate();
  }
}
