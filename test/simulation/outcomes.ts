import { caseNumberOf } from "../../src/conversation/case-number.ts";
import { parseCommand } from "../../src/conversation/commands.ts";
import { TEXTS, type Texts } from "../../src/conversation/texts.ts";
import { ATTEMPTS_MAX } from "../../src/conversation/turn.ts";
import type { SessionTurn } from "../../src/session/session-turn.ts";
import type { History } from "./history.ts";
import { REFUSED_WORD } from "./scenario.ts";
import { WITHHELD_WORD } from "./simulated-model.ts";
import { simulatedRefusal } from "./simulated-moderator.ts";
import type { Findings, Turn } from "./turns.ts";

/** The turn came to something that its message and the world's troubles explain, and said the words for it. */
export function checkOutcome(turn: Turn, history: History, turnTimeoutMs: number, findings: Findings): void {
  if (turn.undelivered) return;
  const { message, record, generations } = turn;
  const wrong = (what: string): void => findings.violation("outcome", message, `${record.outcome}: ${what}`);
  switch (record.outcome) {
    case "answered":
      if (!generations.some((one) => answerTexts(one).includes(record.answer))) wrong("no model gave this answer");
      break;
    case "refused":
      if (record.answer !== simulatedRefusal(caseNumberOf(message.id, "question"))) wrong("not the refusal's words");
      if (parseCommand(message.text) === null && !message.text.includes(REFUSED_WORD)) wrong("nothing to refuse");
      break;
    case "withheld":
      if (record.answer !== simulatedRefusal(caseNumberOf(message.id, "answer"))) wrong("not the refusal's words");
      if (!generations.some((one) => one.text.includes(WITHHELD_WORD))) wrong("nothing to withhold");
      break;
    case "stopped":
      checkStopped(turn, history, wrong);
      break;
    case "failed":
      checkFailed(turn, history, turnTimeoutMs, wrong);
      break;
    case "command":
      if (!saysOneOf(record.answer, commandTexts(message.text))) wrong("not a command's words");
      break;
    case "greeting":
      if (message.kind !== "greeting") wrong("nobody opened the chat");
      break;
    case "busy":
      wrong("a turn is never this");
  }
}

function answerTexts({ text, complete, cutAtLength, failedWith }: Turn["generations"][number]): string[] {
  if (!complete || failedWith !== null) return [];
  if (!cutAtLength) return [text];
  return [`${text}\n\n${TEXTS.zh.answerEndedEarly}`, `${text}\n\n${TEXTS.en.answerEndedEarly}`];
}

function checkStopped(
  { message, end, record, generations }: Turn,
  history: History,
  wrong: (what: string) => void,
): void {
  const by = end.stop !== undefined && "obeyed" in end.stop ? history.keptById.get(end.stop.obeyed) : undefined;
  if (by === undefined || parseCommand(by.text) !== "stop" || by.id === message.id) wrong("by nobody");
  else if (by.conversationId !== message.conversationId) wrong("by somebody else");
  const said = [TEXTS.zh.stoppedMark, TEXTS.en.stoppedMark].find((mark) => record.answer.endsWith(mark));
  const shown = record.answer.slice(0, -(said?.length ?? 0)).trimEnd();
  if (said === undefined || (!generations.some(({ text }) => text.startsWith(shown)) && shown !== ""))
    wrong("odd words");
}

function checkFailed(
  { message, end, record, generations }: Turn,
  history: History,
  turnTimeoutMs: number,
  wrong: (what: string) => void,
): void {
  const code = record.errorCode;
  if (code === null) {
    wrong("without a code");
    return;
  }
  if (!saysOneOf(record.answer, (texts) => [texts.failed(code as Parameters<Texts["failed"]>[0])])) wrong("odd words");
  if (code === "internal") {
    const begun = history.opens.get(message.id) ?? 0;
    if (end.deadLetter === undefined || begun <= ATTEMPTS_MAX) wrong(`internal, after ${begun} tries`);
  } else if (code === "turn_timeout") {
    if (record.finishedAtMs - record.startedAtMs < turnTimeoutMs) wrong("turn_timeout too early");
  } else if (!generations.some(({ failedWith }) => failedWith === code)) {
    wrong(`${code}, with which no model failed`);
  }
}

function commandTexts(text: string): (texts: Texts) => string[] {
  switch (parseCommand(text)) {
    case "stop":
      return (texts) => [texts.stopped, texts.nothingToStop];
    case "new":
      return (texts) => [texts.forgotten];
    case "retry":
      return (texts) => [texts.nothingToRetry];
    default:
      return () => [];
  }
}

function saysOneOf(answer: string, of: (texts: Texts) => string[]): boolean {
  return of(TEXTS.zh).includes(answer) || of(TEXTS.en).includes(answer);
}

/** Whoever asked to stop is told the truth about it. */
export function checkStopRequests(turns: readonly Turn[], findings: Findings): void {
  const obeyed = new Set(
    turns.flatMap(({ end }) => (end.stop !== undefined && "obeyed" in end.stop ? end.stop.obeyed : [])),
  );
  for (const { message, record } of turns) {
    if (parseCommand(message.text) !== "stop" || record.outcome !== "command") continue;
    const toldSo = record.answer === TEXTS.zh.stopped || record.answer === TEXTS.en.stopped;
    if (toldSo !== obeyed.has(message.id)) {
      findings.violation(
        "stop",
        message,
        toldSo ? "was told that it stopped a turn" : "stopped a turn and was not told",
      );
    }
  }
}

interface Memory {
  session: { question: string; answer: string }[];
  unanswered: string | null;
}

/** What a conversation must remember after these turns: the answered ones, in order, as commands changed them. */
export function rememberedAfter(turns: readonly Turn[]): Memory {
  const memory: Memory = { session: [], unanswered: null };
  for (const turn of turns) remember(memory, turn);
  return memory;
}

function remember(memory: Memory, { message, record, undelivered, generations }: Turn): void {
  const command = parseCommand(message.text);
  const isQuestion = message.kind === "message" && command === null;
  if (undelivered || record.outcome === "failed" || record.outcome === "stopped") {
    // An answer that nobody got is none; a command has no question of its own.
    if (isQuestion) memory.unanswered = message.text;
    return;
  }
  if (record.outcome === "command" && command === "new") {
    memory.session = [];
    memory.unanswered = null;
  }
  if (record.outcome !== "answered") return;
  const answer = generations.find((one) => answerTexts(one).includes(record.answer))?.text ?? record.answer;
  const again = command === "retry";
  const replaced = again && memory.unanswered === null ? memory.session.pop() : undefined;
  const question = again ? (memory.unanswered ?? replaced?.question ?? "") : message.text;
  memory.session.push({ question, answer });
  memory.unanswered = null;
}

export function checkMemory(
  conversationId: string,
  turns: readonly Turn[],
  stored: { session: readonly SessionTurn[]; unanswered: string | null },
  findings: Findings,
): void {
  const must = rememberedAfter(turns);
  const has = stored.session.map(({ question, answer }) => ({ question, answer: answer.slice(0, 16_000) }));
  const expected = must.session.map(({ question, answer }) => ({ question, answer: answer.slice(0, 16_000) }));
  if (JSON.stringify(has) !== JSON.stringify(expected)) {
    const what = `remembers ${has.length} turns, ${expected.length} were answered, or others`;
    findings.violation("session", { id: conversationId }, what);
  }
  if (stored.unanswered !== must.unanswered) {
    const what = `the question left unanswered is ${stored.unanswered}, not ${must.unanswered}`;
    findings.violation("session", { id: conversationId }, what);
  }
}
