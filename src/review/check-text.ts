import { YingdaError } from "../base/errors.ts";

/** Refused with `bad_request`, not cut: a reviewer would believe that all of it was kept. */
export function checkText(what: string, text: string, unitsMax: number): void {
  if (text.length <= unitsMax && text.isWellFormed() && !text.includes("\0")) return;
  throw new YingdaError("bad_request", `The ${what} is longer than ${unitsMax} characters, or not text.`);
}
