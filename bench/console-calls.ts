import type { ConsoleClient } from "./console-client.ts";
import { APART, EARLY, memberId, RARE_CATEGORY, SEARCHED } from "./console-records.ts";

/** What the console asks for, one call at a time, as one reviewer's page does. */

const CALLS = 40;
/** The dashboard is made anew when the last one is this old. */
const DASHBOARD_KEPT_MS = 10_500;
/** Of 50 members each; more would find many of them known. */
const FIRST_SIGHT_PAGES = 6;
const WARM_UP_CALLS = 3;
const QUEUE_MS = 200;
const SEARCH_MS = 500;
/** Pages of 200 to walk before the deep ones are measured. */
const DEEP_PAGES = 60;

interface Listed {
  cases: { caseNumber: string }[];
  cursor: string | null;
}

interface Call {
  label: string;
  /** The 95th of a hundred; null: no figure is asked for. */
  maxMs: number | null;
  /** Whether an answer without rows is right; else it would be a figure of nothing, and is a fault. */
  mayBeEmpty?: boolean;
  call(index: number): Promise<unknown>;
}

/** Measures and prints each call; returns those that are over their figure. */
export async function measureCalls(client: ConsoleClient, passMs: (ms: number) => Promise<void>): Promise<string[]> {
  const over: string[] = [];
  for await (const call of everyCall(client, passMs)) {
    const tookMs = await timesOf(call);
    if (!print(call.label, tookMs, call.maxMs)) over.push(call.label);
  }
  return over;
}

/**
 * Lists of members whose names the service does not know yet, at a WeCom that takes its time for each: what the first
 * reviewer of a morning waits for.
 */
export async function measureFirstSight(client: ConsoleClient, nameMs: number): Promise<string[]> {
  const tookMs: number[] = [];
  let cursor: string | null = "";
  for (let page = 0; page < FIRST_SIGHT_PAGES && cursor !== null; page += 1) {
    const fromMs = performance.now();
    const query = `status=all&sort=newest${cursor === "" ? "" : `&cursor=${cursor}`}`;
    ({ cursor } = (await client.get(`/cases?${query}`)) as Listed);
    tookMs.push(performance.now() - fromMs);
  }
  const label = `list, names unknown, WeCom takes ${nameMs} ms for each`;
  return print(label, tookMs, QUEUE_MS) ? [] : [label];
}

async function timesOf({ label, call, mayBeEmpty = false }: Call): Promise<number[]> {
  for (let index = 0; index < WARM_UP_CALLS; index += 1) await call(CALLS + index);
  const tookMs: number[] = [];
  let found = false;
  for (let index = 0; index < CALLS; index += 1) {
    const fromMs = performance.now();
    const answer = await call(index);
    tookMs.push(performance.now() - fromMs);
    found ||= !isEmpty(answer);
  }
  if (!found && !mayBeEmpty) throw new Error(`"${label}" found nothing: its figure would say nothing.`);
  return tookMs;
}

function isEmpty(answer: unknown): boolean {
  const { cases, case: claimed }: { cases?: unknown; case?: unknown } = { ...(answer as object) };
  return (Array.isArray(cases) && cases.length === 0) || claimed === null;
}

/** In the order of their making: later ones look for what earlier ones did. */
async function* everyCall(client: ConsoleClient, passMs: (ms: number) => Promise<void>): AsyncGenerator<Call> {
  const list = (query: string) => client.get(`/cases?${query}`) as Promise<Listed>;
  const queue = (label: string, query: string, mayBeEmpty = false): Call => {
    return { label: `list ${label}`, maxMs: QUEUE_MS, mayBeEmpty, call: () => list(query) };
  };
  for (const status of ["open", "all"]) {
    for (const sort of ["urgency", "newest", "oldest", "score"]) {
      yield queue(`${status}, by ${sort}`, `status=${status}&sort=${sort}`);
    }
  }
  yield queue("open, P0", "severity=P0");
  yield queue("resolved, newest", "status=resolved&sort=newest");
  yield queue("open, rare category", `category=${RARE_CATEGORY}`);
  yield queue("all, rare category, by score", `status=all&sort=score&category=${RARE_CATEGORY}`);
  yield queue("all, no such category, newest", "status=all&sort=newest&category=none", true);
  yield queue("open, of the bot, newest", "channel=bot&sort=newest");
  yield queue("open, overdue", "overdue=true");
  yield queue("all, appealed, newest", "status=all&appealed=true&sort=newest");
  yield {
    label: "list all of a member",
    maxMs: QUEUE_MS,
    call: (index) => list(`status=all&userId=${memberId(index * 7)}`),
  };
  for (const [label, query] of [
    ["all, by urgency", "status=all&sort=urgency"],
    ["all, newest", "status=all&sort=newest"],
    ["open, by urgency", "status=open&sort=urgency"],
  ] as const) {
    const cursors = await deepCursors(list, query);
    yield {
      label: `list deep in ${label}`,
      maxMs: QUEUE_MS,
      call: (index) => list(`${query}&cursor=${cursors[index % cursors.length] ?? ""}`),
    };
  }
  yield { label: "counts", maxMs: QUEUE_MS, call: () => client.get("/cases/counts") };
  yield* searches(list);

  const seen = await list("status=all&sort=newest&limit=200");
  const numbers = seen.cases.map(({ caseNumber }) => caseNumber);
  yield {
    label: "one case",
    maxMs: QUEUE_MS,
    call: (index) => client.get(`/cases/${numbers[(index * 4) % numbers.length]}`),
  };
  yield { label: "claim next", maxMs: QUEUE_MS, call: () => client.post("/cases/next", {}) };
  yield {
    label: "claim next, rare category",
    maxMs: QUEUE_MS,
    mayBeEmpty: true,
    call: () => client.post("/cases/next", { category: RARE_CATEGORY }),
  };
  yield queue("open, mine", "assignee=me");
  yield {
    label: "dashboard, 7 days, made anew",
    maxMs: null,
    async call() {
      await passMs(DASHBOARD_KEPT_MS);
      return client.get("/dashboard?days=7");
    },
  };
  yield { label: "dashboard, 7 days, kept", maxMs: QUEUE_MS, call: () => client.get("/dashboard?days=7") };
}

function* searches(list: (query: string) => Promise<Listed>): Generator<Call> {
  const search = (label: string, text: string, query: string, mayBeEmpty = false): Call => {
    const call = () => list(`${query}&q=${encodeURIComponent(text)}`);
    return { label: `search ${label}`, maxMs: SEARCH_MS, mayBeEmpty, call };
  };
  for (const [kind, text] of Object.entries(SEARCHED)) {
    yield search(`2 characters, ${kind}, open`, text, "status=open");
    yield search(`2 characters, ${kind}, all, newest`, text, "status=all&sort=newest");
    yield search(`2 characters, ${kind}, all, by score`, text, "status=all&sort=score");
  }
  // What the newest cases do not have: whoever looks from there meets all others first.
  yield search("2 characters of weeks ago, all, newest", EARLY, "status=all&sort=newest");
  yield search("two words never together, all, by score", APART.join(" "), "status=all&sort=score", true);
  yield search("2 characters that are nowhere", "鲲鹏", "status=all", true);
  yield search("two words, all, by score", `${SEARCHED.some} 预算`, "status=all&sort=score");
}

/** Cursors of pages behind the first thousands. */
async function deepCursors(list: (query: string) => Promise<Listed>, query: string): Promise<string[]> {
  const cursors: string[] = [];
  let cursor = "";
  for (let page = 0; page < DEEP_PAGES; page += 1) {
    const { cursor: next } = await list(`${query}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`);
    if (next === null) break;
    cursor = next;
    cursors.push(cursor);
  }
  return cursors.slice(-CALLS);
}

/** False when the 95th of a hundred is over its figure. */
function print(label: string, tookMs: number[], maxMs: number | null): boolean {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const p50 = quantile(sorted, 0.5);
  const p95 = quantile(sorted, 0.95);
  const fits = maxMs === null || p95 < maxMs;
  const verdict = maxMs === null ? "" : fits ? `  below ${maxMs} ms` : `  OVER ${maxMs} ms`;
  const figures = `p50 ${p50.toFixed(1).padStart(7)} ms  p95 ${p95.toFixed(1).padStart(7)} ms`;
  process.stdout.write(`  ${label.padEnd(52)}  ${figures}${verdict}\n`);
  return fits;
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
