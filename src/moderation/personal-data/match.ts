import type { PersonalKind } from "./kinds.ts";
import type { Reading } from "./reading.ts";

/** What a detector found from the place of judgement on; `to` is the folded index behind it. */
export interface Match {
  kind: PersonalKind;
  confidence: number;
  /** Where it begins when that is behind the place of judgement: never before it. */
  from: number;
  to: number;
  /** The value goes on for as long as its characters do; read by the scan, so its length needs no limit. */
  tail?: "token" | "pem" | "graphic";
}

/**
 * Says whether something begins at `at`. Looks ahead through `text.at` only, and behind no further than
 * `LOOK_BEHIND_UNITS`; how far ahead is bounded by each detector.
 */
export type Detector = (text: Reading, at: number) => Match | undefined;
