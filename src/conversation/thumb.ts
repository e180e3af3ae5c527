import type { Message } from "../session/message.ts";

export interface Thumb {
  verdict: "accurate" | "inaccurate";
  /** What was written behind it; may be empty. */
  comment: string;
}

/** Once or several times the same, with or without a tone of skin. */
const THUMB = /^(👍|👎)(?:[\u{1F3FB}-\u{1F3FF}]|\uFE0F|\1)*/u;
/** A reason is a sentence or two; a longer text has something to ask. */
const REASON_UNITS_MAX = 500;

/**
 * A message that is a thumb and nothing else but perhaps the reason: `👎 数据不对`. Not one that goes on with a question, which
 * would never be answered, nor one with a quote or a file: it speaks of something that we cannot name (wecom-protocol 4.4).
 */
export function parseThumb({
  text,
  quote,
  attachments,
}: Pick<Message, "text" | "quote" | "attachments">): Thumb | null {
  const whole = text.trim();
  const thumb = THUMB.exec(whole);
  if (thumb === null || quote !== undefined || attachments.length > 0) return null;
  const comment = whole.slice(thumb[0].length).replace(/^[\s,，.。:：;；!！、]+/, "");
  if (comment.length > REASON_UNITS_MAX || /[?？]$/.test(comment) || THUMB.test(comment)) return null;
  return { verdict: thumb[1] === "👍" ? "accurate" : "inaccurate", comment: comment.toWellFormed() };
}
