import { parentPort, workerData } from "node:worker_threads";
import { YingdaError } from "../../base/errors.ts";
import type { PolicyReading } from "./policy-reader.ts";
import { policySchema } from "./policy-schema.ts";
import { parseYaml } from "./policy-yaml.ts";

/** Reads one policy text and answers with what it says, or what is wrong with it. */
function read(source: string): PolicyReading {
  try {
    return { written: parseYaml(source, policySchema) };
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    return { fault: error.message };
  }
}

parentPort?.postMessage(read(workerData as string));
