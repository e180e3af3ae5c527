import type { AnswerPicture } from "../session/snapshots.ts";
import type { Language } from "./texts.ts";

/** How one part of an answer travels. */
export type PartRoute = "push" | "stream" | "response_url";

export interface PlannedPart {
  /** Empty in a part that is nothing but a picture. */
  text: string;
  via: PartRoute;
  /** With a text only on the way `stream`. */
  pictures?: readonly AnswerPicture[];
}

export interface DeliveryOptions {
  /** Which part of the answer, from 0. */
  index: number;
  mark: number;
  again: boolean;
  traceId: string;
  signal: AbortSignal;
}

/** The way an answer goes back: app pushes, bot snapshots or socket frames. */
export interface ReplySink {
  /**
   * Shows the answer so far. It replaces what is shown, may be skipped or coalesced, and never throws: a snapshot that is
   * lost is followed by another, and `deliver` decides about success. A channel that cannot stream ignores it.
   */
  show(textSoFar: string): void;
  /**
   * Cuts the whole answer into what this channel can deliver, in order; its pictures come with the text or after it. Kept in
   * the journal before the first part is sent.
   */
  plan(answer: string, language: Language, pictures?: readonly AnswerPicture[]): PlannedPart[];
  /** WeCom compares request bodies on this way and drops a repeat: equal answers on purpose need a mark to differ. */
  readonly checksDuplicates: boolean;
  /**
   * Delivers one part and resolves once WeCom has taken it; called for each part after the one before. `mark`: how often
   * the same text went out lately in this conversation. `again`: an earlier try of this part may have arrived, its answer was
   * not seen; a route that takes one use only then counts "used up" as arrived. Throws a YingdaError when the part certainly
   * or possibly did not arrive.
   */
  deliver(part: PlannedPart, options: DeliveryOptions): Promise<void>;
  /** Releases timers; called once, whatever happened. */
  close(): void;
}
