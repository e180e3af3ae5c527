import { caseNumberOf } from "./case-number.ts";
import type { Command } from "./commands.ts";
import type { BotFacts } from "./greeting.ts";
import { type Draft, plainDraft } from "./reply.ts";
import { type Language, languageOf, TEXTS } from "./texts.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";

/** The bot's own answer to a command or an opened chat; no model is asked. */
export async function answerCommand(
  command: Exclude<Command, "retry"> | "greeting",
  turn: TurnInHand,
  composer: Composer,
): Promise<Draft> {
  const { message, desk } = turn;
  const texts = TEXTS[await languageOfCommand(turn)];
  switch (command) {
    case "greeting":
      return plainDraft(TEXTS.zh.greeting(factsOf(composer)), message, "greeting");
    case "help":
      return plainDraft(await helpFor(turn, composer), message, "command");
    case "new":
      return { ...plainDraft(texts.forgotten, message, "command"), session: { kind: "forget" }, unanswered: "clear" };
    case "stop": {
      const obeyed = await desk.wasObeyed(message.id);
      return {
        ...plainDraft(obeyed ? texts.stopped : texts.nothingToStop, message, "command"),
        stop: { answered: true },
      };
    }
    case "appeal":
      return appeal(turn, composer);
  }
}

/** A first `/help` says nothing about the language somebody reads: it is answered in both. */
async function helpFor(turn: TurnInHand, composer: Composer): Promise<string> {
  const facts = factsOf(composer);
  const unknown = isBareCommand(turn.message.text) && (await turn.desk.recall()).length === 0;
  if (unknown) return `${TEXTS.zh.help(facts)}\n\n${TEXTS.en.help(facts)}`;
  return TEXTS[await languageOfCommand(turn)].help(facts);
}

function factsOf({ botName, contact = null, moderator }: Composer): BotFacts {
  const { rawDays, maskedDays } = moderator.settings.retention;
  return { botName, rawDays, maskedDays, contact };
}

/** `/new`, or a thumb, says nothing about the language somebody speaks; the last question does. */
export async function languageOfCommand({ message, desk }: Pick<TurnInHand, "message" | "desk">): Promise<Language> {
  if (!isBareCommand(message.text) && /\p{L}/u.test(message.text)) return languageOf(message.text);
  const last = (await desk.recall()).at(-1);
  return last === undefined ? "zh" : languageOf(last.question);
}

function isBareCommand(text: string): boolean {
  return /^\s*[/／]/.test(text);
}

/** Puts the last refusal of this conversation before a person. */
async function appeal(turn: TurnInHand, composer: Composer): Promise<Draft> {
  const { message, desk } = turn;
  const texts = TEXTS[await languageOfCommand(turn)];
  const { caseNumber } = await desk.notes();
  if (caseNumber === null) return plainDraft(texts.nothingToAppeal, message, "command");
  return {
    ...plainDraft(texts.appealed(caseNumber), message, "command"),
    flags: [
      {
        caseNumber: caseNumberOf(message.id, "appeal"),
        direction: "question",
        severity: "P2",
        action: "appeal",
        categories: [],
        signals: [{ checker: "member", category: "appeal", confidence: 1, rule: `appeal:${caseNumber}`, spans: [] }],
        policyVersion: composer.moderator.policyVersion,
        text: message.text,
      },
    ],
  };
}
