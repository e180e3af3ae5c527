import { readFileSync } from "node:fs";
import { createModerator } from "../src/moderation/moderator.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";
import { loadClassifier } from "../src/moderation/classifier/classifier.ts";
const print = process.argv[3] !== "quiet";
const m = createModerator({ policy: loadPolicy(undefined), classifier: loadClassifier(undefined as never) });
const counts: Record<string, number> = {}; const rules: Record<string, number> = {};
for (const line of readFileSync(process.argv[2]!, "utf8").split("\n").filter(Boolean)) {
  const v = await m.check(line, { direction: "question", audience: "internal", traceId: "t", signal: new AbortController().signal });
  counts[v.action] = (counts[v.action] ?? 0) + 1;
  const sig = v.signals.map(s => `${s.rule}:${s.confidence.toFixed(2)}`).filter(s=>!s.startsWith("style")||true);
  if (v.action !== "allow") { for (const r of v.reasons.flatMap(r=>r.because)) rules[r] = (rules[r]??0)+1; if (print) console.log(v.action, v.categories.join(","), "|", line, "|", sig.join(" ")); }
}
console.log(counts, print ? "" : rules);
