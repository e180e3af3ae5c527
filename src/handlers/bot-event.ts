import type { FeedbackRecord, SpooledRecord } from "../review/records.ts";
import { shardOf } from "../session/keys.ts";
import type { RecordSpool } from "../session/record-spool.ts";
import type { BotEvent } from "../wecom/callback-json.ts";
import { emptyBotReply } from "../wecom/payloads.ts";
import type { CardClick } from "./review-cards/click-desk.ts";

export interface BotEventParts {
  /** The plaintext reply to a member who opens the chat. */
  welcome(): string;
  spool: RecordSpool<SpooledRecord>;
  /** Answers a press on a card's button with the reply's plaintext; null: the empty one. WeCom sends it once (4.6). */
  onCardEvent?: (click: CardClick) => Promise<string | null>;
}

/** The plaintext reply to an event of the AI bot, the same for both of its channels (wecom-protocol 4.6). Throws `store_unavailable`. */
export async function answerBotEvent(event: BotEvent, nowMs: number, parts: BotEventParts): Promise<string> {
  switch (event.eventType) {
    case "enter_chat":
      // The welcome goes in this very answer; WeCom takes none later (4.6).
      return parts.welcome();
    case "template_card_event": {
      if (event.card === undefined || parts.onCardEvent === undefined) return emptyBotReply();
      const { taskId, eventKey } = event.card;
      return (await parts.onCardEvent({ userId: event.userId, taskId, eventKey })) ?? emptyBotReply();
    }
    case "feedback_event": {
      const record = feedbackOf(event, nowMs);
      if (record !== null) await parts.spool.keep(shardOf(record.feedbackId), record.eventId, record);
      return emptyBotReply();
    }
    default:
      return emptyBotReply();
  }
}

const FEEDBACK_VERDICTS = { 1: "accurate", 2: "inaccurate", 3: "cancelled" } as const;
const FEEDBACK_REASONS: Record<number, string> = { 1: "off_topic", 2: "incomplete", 3: "wrong", 4: "data_error" };
/** Characters kept of a comment; WeCom states no limit, the database has one. */
const COMMENT_MAX = 4_000;

/** A thumb on an answer, as it is recorded; null when its details cannot be read. */
function feedbackOf(event: BotEvent, nowMs: number): FeedbackRecord | null {
  if (event.feedback === undefined) return null;
  return {
    kind: "feedback",
    eventId: `bot:${event.botId}:${event.msgId}`,
    feedbackId: event.feedback.id,
    userId: event.userId,
    verdict: FEEDBACK_VERDICTS[event.feedback.type],
    reasons: event.feedback.reasons.map((reason) => FEEDBACK_REASONS[reason] ?? String(reason)),
    comment: event.feedback.content.slice(0, COMMENT_MAX).toWellFormed(),
    atMs: nowMs,
  };
}
