import { codeOf } from "../base/errors.ts";

/** Errors after which this worker may say nothing more about the turn: it goes on elsewhere, or here later. */
export function mustLeave(error: unknown): boolean {
  const code = codeOf(error);
  return code === "lease_lost" || code === "draining" || code === "store_unavailable";
}
