import { YingdaError } from "../base/errors.ts";
import type { PolicyDesk } from "../conversation/policy-desk.ts";
import { withAllowPhrase } from "../conversation/policy-edit.ts";
import { languageOf, TEXTS, type Texts } from "../conversation/texts.ts";
import type { Decided } from "../review/case-decisions.ts";
import { clearsMember } from "../review/case-moves.ts";
import type { CaseView } from "../review/case-reader.ts";
import type { CaseStore } from "../review/case-store.ts";
import type { Restriction, Restrictions } from "../review/restrictions.ts";
import type { RedisConduct } from "../session/conduct.ts";
import type { SentIds } from "../session/sent-ids.ts";
import type { WeComApi } from "../wecom/api-client.ts";
import { APP_TEXT_BYTES_MAX } from "../wecom/payloads.ts";
import { splitText } from "../wecom/text-split.ts";
import type { AdminActions } from "./admin/admin-parts.ts";

/** A reviewer waits for it; WeCom answers within a second, or it is told that it did not. */
const SEND_MS_MAX = 12_000;
/** WeCom takes messages back for 24 hours (wecom-protocol 3.4). */
const RECALL_MS_MAX = 24 * 3600_000;
/** Pages of restrictions read at the start; a hundred thousand members would be banned before the rest is left out. */
const PAGES_MAX = 100;
/** WeCom drops a repeat of the same text within this, so that a double click sends once (wecom-protocol 3.2). */
const DUPLICATE_CHECK_SECONDS = 600;

type Settled = Parameters<AdminActions["settled"]>[0];

export interface ChatActionsParts {
  cases: Pick<CaseStore, "get">;
  restrictions: Pick<Restrictions, "inForceFor" | "inForce">;
  conduct: Pick<RedisConduct, "restrict" | "forgive">;
  sentIds: Pick<SentIds, "of">;
  /** The self-built app; without one the service has no way to begin a conversation. */
  app: Pick<WeComApi, "sendText" | "recallMessage"> | null;
  policy: Pick<PolicyDesk, "inForce" | "save">;
  clock: { nowMs(): number };
}

/** What reviewers do in the chat beside their decisions. */
export class ChatActions implements AdminActions {
  readonly #parts: ChatActionsParts;

  constructor(parts: ChatActionsParts) {
    this.#parts = parts;
  }

  async warn({ caseNumber, text }: { caseNumber: string; text: string }): Promise<void> {
    const one = await this.#parts.cases.get(caseNumber);
    await this.#say(one, textsFor(one).warning(caseNumber, text));
  }

  async answer({ caseNumber, text }: { caseNumber: string; text: string }): Promise<void> {
    const one = await this.#parts.cases.get(caseNumber);
    await this.#say(one, textsFor(one).lateAnswer(caseNumber, text));
  }

  async recall({ caseNumber }: { caseNumber: string }): Promise<void> {
    const one = await this.#parts.cases.get(caseNumber);
    const app = this.#app("Only what the self-built app sent can be taken back.");
    if (one.channel !== "app") throw cannot("Only what the self-built app sent can be taken back.");
    const oldestMs = this.#parts.clock.nowMs() - RECALL_MS_MAX;
    const turns = new Set(one.flags.filter(({ raisedAtMs }) => raisedAtMs > oldestMs).map(({ turnId }) => turnId));
    const ids = (await Promise.all([...turns].map((turnId) => this.#parts.sentIds.of(turnId)))).flat();
    if (ids.length === 0) throw cannot("Nothing is left to take back: WeCom allows it for 24 hours.");
    for (const msgId of ids) await app.recallMessage(msgId, AbortSignal.timeout(SEND_MS_MAX));
    await this.#say(one, textsFor(one).recalled(caseNumber));
  }

  async allowPhrase({ caseNumber, phrase, by }: { caseNumber: string; phrase: string; by: string }): Promise<void> {
    const { text, version, source } = await this.#parts.policy.inForce();
    if (source === "file") throw cannot("The policy is a file here: add the phrase to `allow` in POLICY_FILE.");
    const next = withAllowPhrase(text, phrase);
    if (next === text) return;
    await this.#parts.policy.save({ text: next, baseVersion: version, by, note: `allow-phrase of case ${caseNumber}` });
  }

  /** The same for a decision as the store returns it; nothing for one that resolved nothing. */
  async settledBy({ case: one, decision }: Decided): Promise<void> {
    const { toStatus, resolution } = decision;
    if (toStatus !== "resolved" || resolution === null) return;
    const wasAppeal = one.appealCount > 0;
    if (!wasAppeal && !clearsMember(resolution)) return;
    await this.settled({ caseNumber: one.caseNumber, resolution, wasAppeal });
  }

  async settled({ caseNumber, resolution, wasAppeal }: Settled): Promise<void> {
    const one = await this.#parts.cases.get(caseNumber);
    const mistaken = clearsMember(resolution);
    const refused = one.flags.filter(({ direction, action }) => direction === "question" && action === "refuse");
    if (mistaken && refused.length > 0) {
      await this.#parts.conduct.forgive(one.userId, [...new Set(refused.map(({ turnId }) => turnId))]);
    }
    if (!wasAppeal) return;
    const texts = textsFor(one);
    await this.#say(one, mistaken ? texts.appealAccepted(caseNumber) : texts.appealRejected(caseNumber));
  }

  /** Of several restrictions the longest holds, so all that are in force are looked at, not the one alone. */
  async enforce({ userId }: Restriction): Promise<void> {
    const inForce = await this.#parts.restrictions.inForceFor(userId);
    await this.#parts.conduct.restrict(userId, longest(inForce), this.#parts.clock.nowMs());
  }

  /** Puts all that is in force into Redis again: at the start, since Redis may have lost what the database remembers. */
  async enforceAll(): Promise<void> {
    let after: Restriction | undefined;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const restrictions = await this.#parts.restrictions.inForce(after);
      after = restrictions.at(-1);
      if (after === undefined) return;
      for (const restriction of restrictions) await this.enforce(restriction);
    }
  }

  async #say({ userId }: CaseView, text: string): Promise<void> {
    const app = this.#app("Without the self-built app (WECOM_APP_*) the service cannot write to a member by itself.");
    for (const content of splitText(text, APP_TEXT_BYTES_MAX)) {
      await app.sendText({
        toUser: userId,
        content,
        duplicateCheckSeconds: DUPLICATE_CHECK_SECONDS,
        signal: AbortSignal.timeout(SEND_MS_MAX),
        traceId: "console",
      });
    }
  }

  #app(why: string): Pick<WeComApi, "sendText" | "recallMessage"> {
    if (this.#parts.app === null) throw cannot(why);
    return this.#parts.app;
  }
}

/** The one that ends last; null when there is none. */
export function longest(restrictions: readonly Pick<Restriction, "untilMs">[]): { untilMs: number | null } | null {
  if (restrictions.length === 0) return null;
  if (restrictions.some(({ untilMs }) => untilMs === null)) return { untilMs: null };
  return { untilMs: Math.max(...restrictions.map(({ untilMs }) => untilMs ?? 0)) };
}

/** In the language of what was flagged. */
function textsFor({ flags }: CaseView): Texts {
  return TEXTS[languageOf(flags.at(-1)?.textMasked ?? "")];
}

function cannot(why: string): YingdaError {
  return new YingdaError("bad_request", why);
}
