import { codeOf } from "../src/base/errors.ts";
import { type Question, toSessionTurn } from "../src/conversation/question.ts";
import { SESSION_TURNS_MAX, type SessionTurn } from "../src/session/session-turn.ts";
import { ASKED_AT_MS, type Asking, askModel } from "./ask.ts";
import type { CaseTurn, EvalCase } from "./case-schema.ts";
import { fillerTurns } from "./filler.ts";
import type { Judge } from "./judge.ts";
import type { CaseRun, TurnRun } from "./results.ts";
import { brokenRules, type Failure } from "./rules/rules.ts";

export interface Stage extends Asking {
  contextTokens: number;
  /** Null: what only a judge can decide stays open. */
  judge: Judge | null;
}

/**
 * Plays one case: turn by turn, with the model's own answers as the conversation, as a member would have it. A failure of
 * the endpoint ends the case as `error`, which is nobody's score; an empty answer is the model's.
 */
export async function playCase(stage: Stage, evalCase: EvalCase, run: number): Promise<CaseRun> {
  const session: SessionTurn[] = [];
  const group = evalCase.turns.some(({ speaker }) => speaker !== undefined);
  const place = {
    contextTokens: Math.min(stage.contextTokens, evalCase.contextTokens ?? Number.POSITIVE_INFINITY),
    conversationId: `${evalCase.id}#${run}`,
  };
  const turns: TurnRun[] = [];
  for (const [index, turn] of evalCase.turns.entries()) {
    for (const { ask, said } of fillerTurns(evalCase.language, turn.filler ?? 0)) {
      keep(session, toSessionTurn(questionOf({ ask }, group), said, [], ASKED_AT_MS));
    }
    if (turn.filler !== undefined) turns.push({ filler: turn.filler });
    if (turn.ask === undefined && turn.quote === undefined) continue;
    const question = questionOf(turn, group);
    const written = { ask: question.text, ...pick(turn, "quote"), ...pick(turn, "speaker") };
    if (turn.said !== undefined) {
      keep(session, toSessionTurn(question, turn.said, [], ASKED_AT_MS));
      turns.push({ ...written, said: turn.said });
      continue;
    }
    const traceId = `eval-${evalCase.id}-${run}-${index}`;
    try {
      const asked = await askModel(stage, question, session, { ...place, traceId });
      const { answer, tookMs, firstTokenMs, answerTokens } = asked;
      if (!asked.stopped) keep(session, toSessionTurn(asked.question, answer, asked.masks, ASKED_AT_MS));
      const figures = {
        tookMs: Math.round(tookMs),
        ...(firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(firstTokenMs) }),
        ...(answerTokens === undefined ? {} : { answerTokens }),
      };
      turns.push({ ...written, answer, ...figures, ...(await judged(stage.judge, turn, answer, turns)) });
    } catch (error) {
      const errorCode = codeOf(error);
      if (errorCode === "internal") throw error;
      if (errorCode !== "model_empty") return { outcome: "error", errorCode, turns: [...turns, written] };
      turns.push({ ...written, answer: "", failures: [{ rule: "answer", why: "is empty" }] });
      return { outcome: "failed", turns };
    }
  }
  return { outcome: outcomeOf(turns), turns };
}

async function judged(
  judge: Judge | null,
  turn: CaseTurn,
  answer: string,
  before: readonly TurnRun[],
): Promise<Pick<TurnRun, "failures" | "unjudged">> {
  const { expect } = turn;
  if (expect === undefined) return {};
  const failures: Failure[] = brokenRules(answer, expect);
  // What a rule found wrong needs no second opinion.
  if (expect.judge === undefined || failures.length > 0) return { failures };
  const verdict = await judge?.decide({ criterion: expect.judge, before, question: turn, answer });
  if (verdict === undefined || verdict === null) return { failures, unjudged: expect.judge };
  return { failures: verdict.pass ? [] : [{ rule: "judge", why: verdict.why }] };
}

function outcomeOf(turns: readonly TurnRun[]): CaseRun["outcome"] {
  if (turns.some(({ failures = [] }) => failures.length > 0)) return "failed";
  return turns.some(({ unjudged }) => unjudged !== undefined) ? "unjudged" : "passed";
}

function questionOf({ ask = "", quote, speaker = "" }: CaseTurn, group: boolean): Question {
  return {
    text: ask,
    ...(quote === undefined ? {} : { quote }),
    speaker,
    group,
    notes: [],
    unread: [],
    images: [],
    change: "add",
  };
}

/** As the service keeps them: the newest hundred. */
function keep(session: SessionTurn[], turn: SessionTurn): void {
  session.push(turn);
  if (session.length > SESSION_TURNS_MAX) session.shift();
}

function pick<K extends "quote" | "speaker">(turn: CaseTurn, key: K): { [P in K]?: string } {
  const value = turn[key];
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
}
