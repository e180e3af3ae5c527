import { YingdaError } from "../base/errors.ts";
import type { ChatResult } from "../llm/chat-model.ts";
import { forbids, type Verdict } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import { caseNumberOf } from "./case-number.ts";
import { gate } from "./output-gate.ts";
import { answerTokensFor, promptFor, type Question, toSessionTurn } from "./question.ts";
import { type Draft, plainDraft } from "./reply.ts";
import { languageOf, TEXTS } from "./texts.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";
import { noteVerdict } from "./verdict-notes.ts";

/**
 * Steps 2 to 5 of the way of a message: check what was asked, recall, ask the model, let checked text
 * out. Throws what the model, the stores or the turn's signal throw.
 */
export async function answerQuestion(question: Question, turn: TurnInHand, composer: Composer): Promise<Draft> {
  const { message, signal } = turn;
  const { traceId } = message;
  const { clock, events, moderator } = composer;
  const judged = question.quote === undefined ? question.text : `${question.text}\n${question.quote}`;
  const context = { audience: "internal", traceId, signal } as const;

  const moderateFromMs = clock.nowMs();
  const asked = await moderator.check(judged, { ...context, direction: "question" });
  events.turnStage({ traceId, stage: "moderate", tookMs: clock.nowMs() - moderateFromMs });
  const flags = noteVerdict(asked, { direction: "question", text: judged, message }, events);
  if (forbids(asked)) return refusal(asked, "refused", flags, question, turn, composer);

  const prompt = promptFor(question, await turn.desk.recall(), composer, clock.nowMs());
  if (prompt === null) {
    const text = TEXTS[languageOf(question.text)].tooLong;
    return { ...plainDraft(text, message, "failed"), errorCode: "model_refused_request", flags };
  }

  const generateFromMs = clock.nowMs();
  const answer = composer.model.stream({
    messages: prompt,
    answerTokensMax: answerTokensFor(composer.contextTokens),
    conversationId: message.conversationId,
    traceId,
    signal,
  });
  const checker = moderator.openStream(judged, { ...context, direction: "answer" });
  for await (const event of gate(answer, checker)) {
    // An abort that came while text was on its way: nothing more may be shown, the turn has moved on.
    signal.throwIfAborted();
    if (event.type === "show") {
      show(event.text, generateFromMs, turn, composer);
      continue;
    }
    events.turnStage({ traceId, stage: "generate", tookMs: clock.nowMs() - generateFromMs });
    const text = event.type === "withhold" ? event.withheldText : event.text;
    flags.push(...noteVerdict(event.verdict, { direction: "answer", text, message }, events));
    if (event.type === "withhold") return refusal(event.verdict, "withheld", flags, question, turn, composer);
    return answered(event.text, event.result, flags, question, turn, composer);
  }
  throw new YingdaError("model_cut_short", "The model's stream ended without an end event.", { retryable: true });
}

function show(text: string, generateFromMs: number, turn: TurnInHand, composer: Composer): void {
  if (turn.shown.firstAtMs === null) {
    turn.shown.firstAtMs = composer.clock.nowMs();
    const tookMs = turn.shown.firstAtMs - generateFromMs;
    composer.events.turnStage({ traceId: turn.message.traceId, stage: "first_token", tookMs });
  }
  turn.shown.text = text;
  turn.sink.show(text);
}

function answered(
  text: string,
  result: ChatResult,
  flags: FlagRecord[],
  question: Question,
  turn: TurnInHand,
  composer: Composer,
): Draft {
  if (result.finishReason === "content_filter") {
    throw new YingdaError("model_refused_request", "The model server's own filter ended the answer.");
  }
  const language = languageOf(question.text);
  const session = { kind: question.change, turn: toSessionTurn(question, text, composer.clock.nowMs()) };
  return {
    text: result.finishReason === "length" ? `${text}\n\n${TEXTS[language].answerEndedEarly}` : text,
    language,
    outcome: "answered",
    session,
    flags,
    result,
    unanswered: "clear",
    ...firstShown(turn),
  };
}

function refusal(
  verdict: Verdict,
  outcome: "refused" | "withheld",
  flags: FlagRecord[],
  question: Question,
  turn: TurnInHand,
  composer: Composer,
): Draft {
  const caseNumber = caseNumberOf(turn.message.id, outcome === "refused" ? "question" : "answer");
  const language = languageOf(question.text);
  const text = composer.moderator.refusalText(verdict, caseNumber, language);
  return { ...plainDraft(text, turn.message, outcome), language, flags, caseNumber, ...firstShown(turn) };
}

function firstShown(turn: TurnInHand): { firstShownAtMs?: number } {
  return turn.shown.firstAtMs === null ? {} : { firstShownAtMs: turn.shown.firstAtMs };
}
