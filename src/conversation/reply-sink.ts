/** The way an answer goes back (design.md part 2): app pushes or bot snapshots, later socket frames. */
export interface ReplySink {
  /**
   * Shows the answer so far. It replaces what is shown, may be skipped or coalesced, and never throws: a snapshot that is
   * lost is followed by another, and `deliver` decides about success. A channel that cannot stream ignores it.
   */
  show(textSoFar: string): void;
  /** Cuts the whole answer into the parts that this channel delivers. Pure: the parts are kept in the journal before the first is sent. */
  split(answer: string): string[];
  /**
   * Delivers one part and resolves once WeCom has taken it. Parts go in order, each only after the one before.
   * Throws a YingdaError when the part certainly or possibly did not arrive.
   */
  deliver(part: ReplyPart): Promise<void>;
  /** Releases timers; called once, whatever happened. */
  close(): void;
}

export interface ReplyPart {
  text: string;
  index: number;
  count: number;
  signal: AbortSignal;
}
