import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { YingdaError } from "../base/errors.ts";

/** The text of a file that a setting names; `undefined` where nothing is set. Throws `bad_config`. */
export function readOptional(path: string | null, variable: string): string | undefined {
  if (path === null) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new YingdaError("bad_config", `${variable} names a file that cannot be read: ${path}`, { cause: error });
  }
}

/** The classifier's weights that were trained on this company's own decisions; without them those that ship are used. */
export function ownWeights(dataDir: string): Uint8Array | undefined {
  const path = join(dataDir, "style.weights");
  return existsSync(path) ? readFileSync(path) : undefined;
}
