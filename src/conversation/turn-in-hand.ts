import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { ChatMessage, ChatModel } from "../llm/chat-model.ts";
import type { PersonFact } from "../llm/system-prompt.ts";
import type { Moderator } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import type { Conduct } from "../session/conduct.ts";
import type { ConversationDesk } from "../session/conversations.ts";
import type { Message } from "../session/message.ts";
import type { UsageBudget } from "../session/usage-budget.ts";
import type { MediaDesk } from "./material.ts";
import type { Reply } from "./reply.ts";
import type { ReplySink } from "./reply-sink.ts";

/** What composing needs; made once by the gateway. */
export interface Composer {
  moderator: Moderator;
  conduct: Conduct;
  model: ChatModel;
  systemPrompt: string;
  /** What the system prompt wants to know of who asks. */
  asksFor: readonly PersonFact[];
  contextTokens: number;
  /** Learns what the model's tokens are from prompts; null where nobody can say. */
  tokenScale: { readonly factor: number; sample(messages: readonly ChatMessage[]): void } | null;
  botName: string;
  /** Daily token budgets; null where none is set. */
  usage: UsageBudget | null;
  /** A member's main department for the budgets, null when it is not known; never throws. */
  departmentOf(userId: string, signal: AbortSignal): Promise<string | null>;
  /** Whom members ask about the bot, if the company names somebody. */
  contact?: string | null;
  /** The name of a member for group sessions; falls back to the userid, never throws. */
  nameOf(userId: string, signal: AbortSignal): Promise<string>;
  /** What came with messages; without it nothing of that is read. */
  media?: MediaDesk;
  /** How long a session lives, and what belongs to it. */
  sessionTtlMs: number;
  events: Events;
  log: Logger;
  clock: Clock;
}

/** One turn in hand. */
export interface TurnInHand {
  message: Message;
  desk: ConversationDesk<Reply>;
  sink: ReplySink;
  /** Ends the work: leave, stop or timeout; the reason says which. */
  signal: AbortSignal;
  leave: AbortSignal;
  /** What people are to look at, gathered while it is found; outlives a failure. */
  flags: FlagRecord[];
  /** Values that were masked in this turn: its record hides them as well. Filled while it runs. */
  hidden: string[];
  /** Estimated tokens of the prompt that the model was asked with, once it was and budgets count it. */
  spent: { promptTokens: number } | null;
  /** What was let out so far; outlives the stream that an abort ends. */
  shown: { text: string; firstAtMs: number | null };
}
