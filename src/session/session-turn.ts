/** One question and its answer, as the model is told them later. */
export interface SessionTurn {
  /** Name of who asked; used in groups, empty elsewhere. */
  speaker: string;
  question: string;
  quote?: string;
  answer: string;
  /** What the placeholders in question and answer stand for. The model never reads the values. */
  masks?: SessionMask[];
  /** Pictures that came with the question; their bytes lie in `SessionImages`. */
  images?: SessionImageNote[];
  /** Estimated tokens of all of it, pictures included. */
  tokens: number;
  atMs: number;
}

export interface SessionImageNote {
  id: string;
  /** Of the model's window. */
  tokens: number;
}

/** A value that was hidden from the model, and whose it is. */
export interface SessionMask {
  placeholder: string;
  value: string;
  userId: string;
}

/** What was said in turns that are not kept any more, in the model's own words. */
export interface SessionSummary {
  text: string;
  /** Of the placeholders in the text, as in a turn. */
  masks: SessionMask[];
  /** Estimated tokens of the text. */
  tokens: number;
  /** Until when it reaches: the last turn that it covers. */
  upToMs: number;
  /** Turns that it covers, over all its makings. */
  turns: number;
}

/** Turns kept of one conversation. The token budget is reached long before; this bounds Redis when every turn is short. */
export const SESSION_TURNS_MAX = 100;
/** Characters kept of one question, quote or answer, so that pasted books cannot fill Redis: 100 turns stay below 15 MB. */
export const SESSION_TEXT_MAX = 16_000;
