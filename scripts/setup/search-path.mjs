import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * @param {string} name of a program
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} the first such program on the PATH, as the shell would find it
 */
export function findOnPath(name, env) {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // not here, or not for us: the next folder
    }
  }
  return undefined;
}
