import type { Clock } from "../base/clock.ts";
import { describe } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import { LivePolicyDesk, type PolicyDesk } from "../conversation/policy-desk.ts";
import type { ChatMessage, ChatModel } from "../llm/chat-model.ts";
import { loadClassifier } from "../moderation/classifier/classifier.ts";
import { createGuard, createJudgeOf, type Guard } from "../moderation/guard/guard.ts";
import { createModerator, type LiveModerator } from "../moderation/moderator.ts";
import { loadPolicy, type Policy } from "../moderation/policy/policy.ts";
import { PolicyWatch } from "../moderation/policy/policy-watch.ts";
import type { SqlRecordStore } from "../review/record-store.ts";
import { ownWeights, readOptional } from "./settings-files.ts";

export interface ModerationParts {
  model: ChatModel;
  records: SqlRecordStore;
  /** What is started here is stopped with it. */
  stack: AsyncDisposableStack;
  clock: Clock;
  events: Events;
  log: Logger;
}

/**
 * The moderator with its guard and classifier, and whoever changes its policy while the service runs: the file of POLICY_FILE
 * where there is one, else what is saved in the console.
 */
export async function startModeration(
  config: Config,
  given: Policy | undefined,
  parts: ModerationParts,
): Promise<{ moderator: LiveModerator; policy: PolicyDesk }> {
  const { model, records, stack, clock, events, log } = parts;
  const policy = given ?? loadPolicy(readOptional(config.policyFile, "POLICY_FILE"));
  const guard = createGuardFor(config, policy, model, events, clock);
  if (guard !== null) events.watchGuard(() => guard.health());
  const moderator = createModerator({
    policy,
    guard,
    classifier: loadClassifier(ownWeights(config.database.dataDir)),
    onFault: (error) => {
      events.alert("moderation_fault", "A moderation checker broke; texts are treated by the policy's `faults`.", {
        why: describe(error),
      });
    },
  });
  const { policyFile } = config;
  const desk = new LivePolicyDesk({
    versions: records.policies,
    records: records.console,
    moderator,
    policyFile,
    clock,
    events,
    log,
  });
  await desk.start();
  stack.defer(async () => desk.stop());
  if (policyFile !== null) await watchFile(policyFile, moderator, parts);
  return { moderator, policy: desk };
}

async function watchFile(path: string, moderator: LiveModerator, parts: ModerationParts): Promise<void> {
  const { stack, clock, events, log } = parts;
  const watch = new PolicyWatch({
    path,
    clock,
    onPolicy: (next) => {
      moderator.usePolicy(next);
      log.info({ policyVersion: next.version }, "policy changed");
    },
    onFault: (error) => {
      events.alert("policy_rejected", "POLICY_FILE was changed and has a fault; the policy before it stays in use.", {
        why: describe(error),
      });
    },
  });
  await watch.start();
  stack.defer(async () => watch.stop());
}

/** The guard model of the configuration; without one the chat model itself, where the policy asks for that. */
function createGuardFor(config: Config, policy: Policy, model: ChatModel, events: Events, clock: Clock): Guard | null {
  if (config.guard !== null) return createGuard({ ...config.guard, events, clock });
  if (policy.guard.unset === "off") return null;
  return createJudgeOf((messages, signal) => completed(model, messages, signal), {
    model: config.model.name,
    events,
    clock,
  });
}

/** Longest word of a chat model that judges: one line of JSON, and the thinking that some models cannot leave out. */
const JUDGE_TOKENS_MAX = 1_024;

async function completed(model: ChatModel, messages: ChatMessage[], signal: AbortSignal): Promise<string> {
  // A judgement is part of a turn that has its place already: it must not wait behind turns that have none.
  const ids = { conversationId: "judge", userId: "judge", traceId: "judge", urgent: true };
  let text = "";
  for await (const event of model.stream({ messages, answerTokensMax: JUDGE_TOKENS_MAX, signal, ...ids })) {
    if (event.type === "text") text += event.text;
  }
  return text;
}
