import { forbids, type ModerationSettings, type Verdict } from "../moderation/verdict.ts";
import type { ConductRules, Standing } from "../session/conduct.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What a finding adds to a member's risk in a conversation. */
const RISK = { refused: 2, flagged: 1, hint: 0.3 };
/** A term that has no harmless meaning weighs as much as a row of three refusals. */
const T0_STRIKES = 3;

export function standingOf({ message }: TurnInHand, { conduct, moderator, clock }: Composer): Promise<Standing> {
  const { userId } = message.sender;
  return conduct.standing(userId, message.conversationId, clock.nowMs(), rulesOf(moderator.settings));
}

/**
 * Notes how a question was judged. `quoted`: what is wrong with it stands in what was quoted, and others' words are no strike.
 * Resolves with the end of the pause that it brings the member, else null.
 */
export function noteConduct(
  verdict: Verdict,
  quoted: boolean,
  before: Standing,
  { message }: TurnInHand,
  { conduct, moderator, clock }: Composer,
): Promise<number | null> {
  const strikes = quoted ? 0 : strikesOf(verdict, moderator.settings);
  const risk = riskOf(verdict);
  // A blameless question of a blameless member is nothing to write down.
  if (strikes === 0 && risk === 0 && !before.struck) return Promise.resolve(null);
  const { id, conversationId, sender } = message;
  const note = { userId: sender.userId, conversationId, messageId: id, atMs: clock.nowMs(), risk, strikes };
  return conduct.note(note, rulesOf(moderator.settings));
}

function rulesOf({ strikes, risk }: ModerationSettings): ConductRules {
  return {
    inARow: strikes.inARow,
    perDay: strikes.perDay,
    pauseMs: strikes.pauseHours * HOUR_MS,
    expireMs: strikes.expireDays * DAY_MS,
    riskHalfLifeMs: risk.halfLifeMinutes * MINUTE_MS,
  };
}

/** Strikes that a question counts: none unless it was refused for what it asks. */
export function strikesOf(verdict: Verdict, settings: Pick<ModerationSettings, "categories">): number {
  if (!forbids(verdict)) return 0;
  const refusing = verdict.reasons.filter(({ action }) => action === "refuse" || action === "pause");
  const counts = refusing.flatMap(({ category, because }) => {
    if (category === null) return [];
    const { strikes } = settings.categories[category];
    const fixed = verdict.signals.some(({ tier, rule }) => tier === "T0" && because.includes(rule));
    return [fixed && strikes > 0 ? Math.max(strikes, T0_STRIKES) : strikes];
  });
  return Math.max(0, ...counts);
}

/** A checker that was away says nothing about the member. */
export function riskOf(verdict: Verdict): number {
  const found = verdict.reasons.some(({ category }) => category !== null);
  if (found && forbids(verdict)) return RISK.refused;
  if (found && verdict.flagged) return RISK.flagged;
  return verdict.signals.some(({ checker }) => checker === "lexicon" || checker === "rules") ? RISK.hint : 0;
}
