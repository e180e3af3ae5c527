import { parentPort } from "node:worker_threads";
import { YingdaError } from "../base/errors.ts";
import { loadClassifier } from "../moderation/classifier/classifier.ts";
import { createModerator, type LiveModerator } from "../moderation/moderator.ts";
import { loadPolicy, type Policy } from "../moderation/policy/policy.ts";
import type { BenchAnswer, BenchRequest, BenchText, BenchVerdict } from "./policy-bench.ts";

/** The thread of policy-bench.ts: compiles policies and judges by them. One request at a time, in order. */

/** A dry run needs two; each may hold a large lexicon. */
const POLICIES_MAX = 2;
const classifier = loadClassifier();
const policies = new Map<string, { policy: Policy; moderator: LiveModerator }>();

function moderatorOf(text: string): { policy: Policy; moderator: LiveModerator } {
  const known = policies.get(text);
  if (known !== undefined) return known;
  const policy = loadPolicy(text);
  const made = { policy, moderator: createModerator({ policy, classifier }) };
  policies.set(text, made);
  const oldest = policies.keys().next().value;
  if (policies.size > POLICIES_MAX && oldest !== undefined) policies.delete(oldest);
  return made;
}

async function judge(policyText: string, texts: readonly BenchText[]): Promise<BenchVerdict[]> {
  const { policy, moderator } = moderatorOf(policyText);
  const verdicts: BenchVerdict[] = [];
  for (const { text, direction } of texts) {
    const signal = AbortSignal.timeout(60_000);
    const context = { direction, audience: policy.audience, traceId: "bench", signal };
    const { action, flagged, categories, severity, reasons, signals } = await moderator.check(text, context);
    verdicts.push({ action, flagged, categories, severity, reasons, signals });
  }
  return verdicts;
}

async function answer(request: BenchRequest): Promise<BenchAnswer["result"]> {
  try {
    if (request.kind === "check") return { kind: "checked", version: moderatorOf(request.policy).policy.version };
    return { kind: "judged", verdicts: await judge(request.policy, request.texts) };
  } catch (error) {
    // Faults of the draft are for its writer; of anything else not more than the kind goes out.
    const isDraft = error instanceof YingdaError && error.code === "bad_config";
    return isDraft ? { kind: "faulty", faults: error.message } : { kind: "broken" };
  }
}

const port = parentPort;
if (port === null) throw new Error("policy-bench-worker.ts is run as a thread by policy-bench.ts");
let last = Promise.resolve();
port.on("message", ({ id, request }: { id: number; request: BenchRequest }) => {
  last = last.then(async () => {
    port.postMessage({ id, result: await answer(request) } satisfies BenchAnswer);
  });
});
