import { YingdaError } from "../base/errors.ts";
import type { ChatResult } from "../llm/chat-model.ts";
import { forbids, type ModerationContext, type Verdict } from "../moderation/verdict.ts";
import type { Standing } from "../session/conduct.ts";
import type { SessionImage } from "../session/session-images.ts";
import type { SessionTurn } from "../session/session-turn.ts";
import { picturesOf, withoutPictures } from "./answer-pictures.ts";
import { caseNumberOf } from "./case-number.ts";
import { judgedText, type MaskedQuestion, maskQuestion, masksIn, ShownText, withKnownValues } from "./masking.ts";
import { noteConduct, standingOf } from "./member-conduct.ts";
import { type GateEvent, gate } from "./output-gate.ts";
import { PictureLift } from "./picture-lift.ts";
import { answerTokensFor, promptFor, type Question, toSessionTurn } from "./question.ts";
import { type Draft, leftUnanswered, plainDraft } from "./reply.ts";
import { languageOf, TEXTS } from "./texts.ts";
import { reserveTokens, resetText, usedTokens } from "./token-allowance.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";
import { flagsOf, type JudgedText, noteVerdict } from "./verdict-notes.ts";

/**
 * Steps 2 to 5 of the way of a message: check what was asked, recall, ask the model, let checked text out. Throws what the
 * model, the stores or the turn's signal throw.
 */
export async function answerQuestion(question: Question, turn: TurnInHand, composer: Composer): Promise<Draft> {
  return new Asking(question, turn, composer).answer();
}

/** One question on its way. */
class Asking {
  readonly #question: Question;
  readonly #turn: TurnInHand;
  readonly #composer: Composer;
  readonly #judged: string;
  #standing: Standing = { pausedUntilMs: null, restriction: null, struck: false, risk: 0 };
  /** On the question, once everybody who judges it has spoken. */
  #asked: Verdict | null = null;

  constructor(question: Question, turn: TurnInHand, composer: Composer) {
    this.#question = question;
    this.#turn = turn;
    this.#composer = composer;
    this.#judged = judgedText(question);
  }

  async answer(): Promise<Draft> {
    const { moderator, clock } = this.#composer;
    this.#standing = await standingOf(this.#turn, this.#composer);
    const { pausedUntilMs, restriction } = this.#standing;
    if (restriction !== null) {
      return this.#plain(moderator.restrictedText(restriction.untilMs, this.#language), "refused");
    }
    if (pausedUntilMs !== null) return this.#plain(moderator.pausedText(pausedUntilMs, this.#language), "refused");

    const beganMs = clock.nowMs();
    const local = await moderator.check(this.#judged, this.#context("question"));
    this.#tookStage("moderate", beganMs);
    if (forbids(local)) return this.#refuse(local);
    // Kept if the turn fails or is stopped; the guard's word takes its place.
    this.#flag(local, "question", this.#judged);
    try {
      return await this.#askModel(local);
    } catch (error) {
      // What was asked counts all the same. A turn that is left is asked again elsewhere.
      if (this.#asked === null && !this.#turn.leave.aborted) await this.#judgedQuestion(local).catch(() => undefined);
      throw error;
    }
  }

  async #askModel(found: Verdict): Promise<Draft> {
    const composer = this.#composer;
    const turn = this.#turn;
    const { moderator, clock } = composer;
    const [recalled, summary] = await Promise.all([turn.desk.recall(), turn.desk.summary()]);
    const known = summary === null ? recalled : [summary, ...recalled];
    const { userId } = turn.message.sender;
    const local = withKnownValues(found, this.#judged, known, userId);
    const masked = maskQuestion(this.#question, local, known, userId);
    turn.hidden.push(...masked.masks.map(({ value }) => value));
    const pictures = await this.#picturesOf(recalled);
    const prompt = promptFor(masked.question, recalled, composer, clock.nowMs(), summary, pictures);
    if (prompt === null) {
      await this.#judgedQuestion(local);
      return { ...this.#plain(TEXTS[this.#language].tooLong, "failed"), errorCode: "model_refused_request" };
    }
    composer.tokenScale?.sample(prompt);
    const answerTokensMax = answerTokensFor(composer.contextTokens);
    const allowance = await reserveTokens(turn, prompt, this.#pictureTokens(recalled), answerTokensMax, composer);
    if (!allowance.granted) {
      await this.#judgedQuestion(local);
      const text = TEXTS[this.#language].budgetSpent(allowance.spentBy, resetText(allowance.resetAtMs, this.#language));
      return { ...this.#plain(text, "refused"), ...leftUnanswered(turn.message), errorCode: "budget_spent" };
    }

    const beganMs = clock.nowMs();
    const guarding = new AbortController();
    const guardSignal = AbortSignal.any([turn.signal, guarding.signal]);
    const word = moderator.guardQuestion(this.#judged, local, { ...this.#context("question"), signal: guardSignal });
    // Nobody may be waiting for it when it fails: the turn may have ended before.
    word?.catch(() => undefined);
    try {
      const shown = new ShownText(masked.masks);
      const lift = new PictureLift((alt) => TEXTS[this.#language].picture(alt));
      const events = gate({
        ask: (signal) =>
          withoutPictures(
            composer.model.stream({
              messages: prompt,
              answerTokensMax,
              conversationId: turn.message.conversationId,
              userId,
              channel: turn.message.channel,
              traceId: turn.message.traceId,
              ...(allowance.soft ? { prefer: "fallback" as const } : {}),
              signal,
            }),
            lift,
          ),
        checker: moderator.openStream(judgedText(masked.question), this.#context("answer")),
        question: word,
        clock,
        signal: turn.signal,
      });
      for await (const event of events) {
        // An abort that came while text was on its way: nothing more may be shown, the turn has moved on.
        turn.signal.throwIfAborted();
        if (event.type === "show") {
          this.#show(shown.upTo(event.text), beganMs);
          continue;
        }
        if (event.type === "waiting") {
          // Not the answer's beginning: a stopped or late turn must not keep it. The app's chat shows nothing of it.
          turn.sink.show(TEXTS[this.#language].waiting(event.position));
          continue;
        }
        this.#tookStage("generate", beganMs);
        if (event.type === "refuse") return { ...(await this.#refuse(event.verdict)), ...usedTokens(turn, "") };
        await this.#judgedQuestion((await word) ?? local);
        return await this.#end(event, lift.urls, masked, known.length === 0);
      }
    } finally {
      guarding.abort();
    }
    throw new YingdaError("model_cut_short", "The model's stream ended without an end event.", { retryable: true });
  }

  async #end(
    event: Extract<GateEvent, { type: "withhold" | "end" }>,
    lifted: readonly string[],
    masked: MaskedQuestion,
    isFirst: boolean,
  ): Promise<Draft> {
    const text = event.type === "withhold" ? event.withheldText : event.text;
    this.#note(event.verdict, "answer", text);
    if (event.type === "withhold") {
      return { ...this.#refusal(event.verdict, "withheld"), ...usedTokens(this.#turn, text) };
    }
    await this.#keepPictures();
    const { clock, log, media } = this.#composer;
    const { signal, message } = this.#turn;
    const mark = (alt: string) => TEXTS[this.#language].picture(alt);
    const { traceId } = message;
    const answer = await picturesOf(event.text, lifted, { desk: media, mark, signal, traceId, clock, log });
    const { pictures } = answer;
    const draft = this.#answered(answer.text, event.result, masked, isFirst);
    return pictures.length === 0 ? draft : { ...draft, pictures };
  }

  /** What the model saw in earlier questions, where it sees and the pictures are still there. */
  async #picturesOf(recalled: readonly SessionTurn[]): Promise<Map<string, SessionImage>> {
    const { media } = this.#composer;
    if (media === undefined || !media.vision.sees || this.#question.blind === true) return new Map();
    const ids = recalled.flatMap(({ images = [] }) => images.map(({ id }) => id));
    return media.readImages(this.#turn.message.conversationId, ids);
  }

  #pictureTokens(recalled: readonly SessionTurn[]): number {
    const { media } = this.#composer;
    if (media === undefined || !media.vision.sees || this.#question.blind === true) return 0;
    const earlier = recalled.flatMap(({ images = [] }) => images);
    return [...earlier, ...this.#question.images].reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** Before the turn that speaks of them is remembered. */
  async #keepPictures(): Promise<void> {
    const { media, sessionTtlMs } = this.#composer;
    const { images } = this.#question;
    if (media === undefined || images.length === 0) return;
    media.vision.saw();
    await media.keepImages(this.#turn.message.conversationId, images, sessionTtlMs);
  }

  #answered(text: string, result: ChatResult, masked: MaskedQuestion, isFirst: boolean): Draft {
    if (result.finishReason === "content_filter") {
      throw new YingdaError("model_refused_request", "The model server's own filter ended the answer.");
    }
    const { clock, moderator } = this.#composer;
    const { userId } = this.#turn.message.sender;
    const { question } = masked;
    const masks = masksIn([question.text, question.quote ?? "", text], masked.masks, userId);
    const notes = this.#asked === null ? [] : moderator.notesFor(this.#asked, isFirst, this.#language);
    if (result.finishReason === "length") notes.unshift(TEXTS[this.#language].answerEndedEarly);
    notes.push(...question.unread);
    return {
      text: [new ShownText(masked.masks).end(text), ...notes].join("\n\n"),
      language: this.#language,
      outcome: "answered",
      session: { kind: this.#question.change, turn: toSessionTurn(question, text, masks, clock.nowMs()) },
      flags: this.#turn.flags,
      result,
      ...usedTokens(this.#turn, text, result.usage),
      unanswered: "clear",
      ...this.#firstShown(),
    };
  }

  async #refuse(verdict: Verdict): Promise<Draft> {
    const pausedUntilMs = await this.#judgedQuestion(verdict);
    const draft = this.#refusal(verdict, "refused");
    if (pausedUntilMs === null) return draft;
    return { ...draft, text: `${draft.text}\n\n${this.#composer.moderator.pausedText(pausedUntilMs, this.#language)}` };
  }

  /** The verdict on the question is complete: noted once, with what it means for the member. */
  async #judgedQuestion(verdict: Verdict): Promise<number | null> {
    this.#asked = verdict;
    this.#note(verdict, "question", this.#judged);
    return noteConduct(verdict, await this.#onlyQuoted(verdict), this.#standing, this.#turn, this.#composer);
  }

  /** What was asked beside a quote would not be refused alone. (The guard, who reads both, is not asked again.) */
  async #onlyQuoted(verdict: Verdict): Promise<boolean> {
    const { text, quote } = this.#question;
    if (quote === undefined || !forbids(verdict)) return false;
    return !forbids(await this.#composer.moderator.check(text, this.#context("question")));
  }

  #note(verdict: Verdict, direction: "question" | "answer", text: string): void {
    noteVerdict(verdict, this.#judgedText(direction, text), this.#composer.events);
    this.#flag(verdict, direction, text);
  }

  #flag(verdict: Verdict, direction: "question" | "answer", text: string): void {
    const { flags } = this.#turn;
    const others = flags.filter((flag) => flag.direction !== direction);
    flags.splice(0, flags.length, ...others, ...flagsOf(verdict, this.#judgedText(direction, text)));
  }

  #judgedText(direction: "question" | "answer", text: string): JudgedText {
    const { message, hidden } = this.#turn;
    return { direction, audience: this.#composer.moderator.settings.audience, text, hidden, message };
  }

  #refusal(verdict: Verdict, outcome: "refused" | "withheld"): Draft {
    const caseNumber = caseNumberOf(this.#turn.message.id, outcome === "refused" ? "question" : "answer");
    const text = this.#composer.moderator.refusalText(verdict, caseNumber, this.#language);
    return { ...this.#plain(text, outcome), caseNumber };
  }

  #plain(text: string, outcome: "refused" | "withheld" | "failed"): Draft {
    const draft = {
      ...plainDraft(text, this.#turn.message, outcome),
      language: this.#language,
      flags: this.#turn.flags,
    };
    return { ...draft, ...this.#firstShown() };
  }

  #show(text: string, beganMs: number): void {
    const { shown, sink } = this.#turn;
    if (shown.firstAtMs === null) {
      shown.firstAtMs = this.#composer.clock.nowMs();
      this.#tookStage("first_token", beganMs);
    }
    shown.text = text;
    sink.show(text);
  }

  #context(direction: "question" | "answer"): ModerationContext {
    const { audience } = this.#composer.moderator.settings;
    const { traceId } = this.#turn.message;
    return { direction, audience, traceId, signal: this.#turn.signal, risk: this.#standing.risk };
  }

  #tookStage(stage: "moderate" | "generate" | "first_token", sinceMs: number): void {
    const { events, clock } = this.#composer;
    events.turnStage({ traceId: this.#turn.message.traceId, stage, tookMs: clock.nowMs() - sinceMs });
  }

  #firstShown(): { firstShownAtMs?: number } {
    const { firstAtMs } = this.#turn.shown;
    return firstAtMs === null ? {} : { firstShownAtMs: firstAtMs };
  }

  get #language(): "zh" | "en" {
    return languageOf(this.#question.text);
  }
}
