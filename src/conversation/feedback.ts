import type { FeedbackRecord } from "../review/records.ts";
import { languageOfCommand } from "./command-replies.ts";
import { type Draft, plainDraft } from "./reply.ts";
import { TEXTS } from "./texts.ts";
import { parseThumb } from "./thumb.ts";
import type { TurnInHand } from "./turn-in-hand.ts";

/**
 * Takes a thumb as feedback on the last answer of this conversation; the model never sees it. Null when the message is no
 * thumb, or there is no answer yet and it was written: it then is a message like others.
 */
export async function takeFeedback(turn: TurnInHand): Promise<Draft | null> {
  const { message, desk } = turn;
  const thumb = message.kind === "greeting" ? null : parseThumb(message);
  if (thumb === null) return null;
  const { rateable } = await desk.notes();
  if (rateable === null && message.kind === "message") return null;
  const texts = TEXTS[await languageOfCommand(turn)];
  if (rateable === null) return plainDraft(texts.nothingToRate, message, "command");
  const feedback: FeedbackRecord = {
    kind: "feedback",
    eventId: message.id,
    feedbackId: rateable,
    userId: message.sender.userId,
    verdict: thumb.verdict,
    reasons: [],
    comment: thumb.comment,
    // Of the receipt: a turn that is begun again after a crash makes the same record.
    atMs: message.receivedAtMs,
  };
  return { ...plainDraft(texts.thanksFor(thumb.verdict), message, "command"), feedback };
}
