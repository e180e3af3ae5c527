import { caseNumberOf } from "./case-number.ts";
import type { Command } from "./commands.ts";
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
      return plainDraft(texts.greeting(composer.botName), message, "greeting");
    case "help":
      return plainDraft(texts.help, message, "command");
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

/** `/new`, or a thumb, says nothing about the language somebody speaks; the last question does. */
export async function languageOfCommand({ message, desk }: Pick<TurnInHand, "message" | "desk">): Promise<Language> {
  if (!/^\s*[/／]/.test(message.text) && /\p{L}/u.test(message.text)) return languageOf(message.text);
  const last = (await desk.recall()).at(-1);
  return last === undefined ? "zh" : languageOf(last.question);
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
