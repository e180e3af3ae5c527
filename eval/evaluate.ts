import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { YingdaError } from "../src/base/errors.ts";
import { createModelPool } from "../src/llm/model-pool.ts";
import { DEFAULT_SYSTEM_PROMPT, readSystemPrompt } from "../src/llm/system-prompt.ts";
import { loadClassifier } from "../src/moderation/classifier/classifier.ts";
import { createModerator } from "../src/moderation/moderator.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";
import { chosenCases, readCases } from "./case-files.ts";
import { contextTokensFrom, judgeFrom, measuredEndpoint, silentEvents } from "./endpoints.ts";
import { reportPage } from "./report/run-page.ts";
import { runTable } from "./report/tables.ts";
import { type Results, writeResults } from "./results.ts";
import { runCases } from "./run-cases.ts";
import { fileName, type Settings } from "./settings.ts";

const PROMPT_CONSTANTS = { company: "示例科技", bot: "应答" };
const SHA_UNITS = 12;
const PROGRESS_EVERY = 20;

export interface Evaluated {
  results: Results;
  jsonPath: string;
  htmlPath: string;
}

/** Plays the chosen cases, keeps the results and the page, and says how it goes. Throws `bad_config`. */
export async function evaluate(
  settings: Settings,
  env: Record<string, string | undefined>,
  say: (line: string) => void,
): Promise<Evaluated> {
  const cases = chosenCases(readCases(settings.cases), settings);
  const contextTokens = contextTokensFrom(env);
  const prompt = systemPromptOf(settings.systemPromptFile);
  const events = silentEvents();
  const judge = judgeFrom(env, events);
  const endpoint = await measuredEndpoint(env);
  const startedAt = new Date().toISOString();
  const beganMs = performance.now();
  try {
    if (endpoint.demo)
      say("OPENAI_BASE_URL is not set: this measures the demo's model, which follows rules and scores low.");
    say(`${cases.length} cases, ${settings.runs} time(s) each, ${endpoint.model}`);
    const model = createModelPool({ ...endpoint, events, clock: systemClock });
    const moderator = settings.moderation
      ? createModerator({ policy: loadPolicy(undefined), classifier: loadClassifier() })
      : null;
    const played = await runCases({ model, systemPrompt: prompt.text, moderator, contextTokens, judge }, cases, {
      concurrency: settings.concurrency,
      runs: settings.runs,
      onDone: (done, of) => {
        if (done % PROGRESS_EVERY === 0 || done === of) say(`${done} of ${of}`);
      },
    });
    const results: Results = {
      format: 1,
      name: settings.name ?? fileName(`${endpoint.model}-${startedAt.slice(0, 19).replaceAll(":", "")}`),
      startedAt,
      tookMs: Math.round(performance.now() - beganMs),
      model: endpoint.model,
      endpoint: endpoint.demo ? "demo" : endpoint.baseUrls.map(hostOf).join(", "),
      demo: endpoint.demo,
      systemPrompt: { from: settings.systemPromptFile ?? "built in", sha256: prompt.sha256 },
      contextTokens,
      moderation: settings.moderation,
      judge: judge?.model ?? null,
      cases: played,
    };
    const path = (ending: string) => join(settings.out, `${results.name}.${ending}`);
    const [jsonPath, htmlPath] = [path("json"), path("html")];
    writeResults(jsonPath, results);
    writeFileSync(htmlPath, reportPage(results));
    say(`\n${runTable(results)}\n`);
    return { results, jsonPath, htmlPath };
  } finally {
    await endpoint.stop();
  }
}

function systemPromptOf(file: string | null): { text: string; sha256: string } {
  const template = file === null ? DEFAULT_SYSTEM_PROMPT : readPrompt(file);
  const { text } = readSystemPrompt(template, PROMPT_CONSTANTS);
  return { text, sha256: createHash("sha256").update(text).digest("hex").slice(0, SHA_UNITS) };
}

function readPrompt(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new YingdaError("bad_config", `--system-prompt names a file that cannot be read: ${file}`, { cause: error });
  }
}

function hostOf(baseUrl: string): string {
  return URL.parse(baseUrl)?.host ?? "?";
}
