import type { BotFacts, Greeting } from "../conversation/greeting.ts";
import { TEXTS, welcomeWords } from "../conversation/texts.ts";
import { welcomeCardReply, welcomeReply } from "../wecom/payloads.ts";

/**
 * The AI bot's plaintext answer to a member who opens the chat, whose language nobody knows yet: Chinese, and where to go
 * on in English. A card with suggestions to tap where the company has set some, else a text (wecom-protocol 4.7).
 */
export function welcomeOf(facts: BotFacts, { link, suggestions }: Greeting): string {
  if (link === null || suggestions.length === 0) return welcomeReply(TEXTS.zh.greeting(facts));
  return welcomeCardReply({ ...welcomeWords(facts), url: link, questions: suggestions });
}
