import { sql } from "kysely";
import { OPEN_CASES } from "./case-queries.ts";
import type { RecordDatabase } from "./schema.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Decisions whose time is looked at, the latest; the median of so many does not move any more. */
const DECISIONS_MAX = 10_000;
const KINDS_MAX = 1000;
const POLICY_CHANGES_MAX = 100;

export interface DashboardStep {
  atMs: number;
  turns: number;
  refused: number;
  withheld: number;
  failed: number;
  flagged: number;
  firstTextMsP50: number | null;
  firstTextMsP95: number | null;
  promptTokens: number;
  answerTokens: number;
}

export interface Dashboard {
  fromMs: number;
  untilMs: number;
  stepMs: number;
  series: DashboardStep[];
  /** In flags; `decided` and `falsePositives` by how their case ended. */
  categories: { category: string; flags: number; falsePositives: number; decided: number }[];
  queue: { open: number; overdue: number; oldestAtMs: number | null };
  /** `medianMs`: from the first flag to the decision. */
  decisions: { count: number; medianMs: number | null; falsePositiveShare: number | null };
  policyChanges: { atMs: number; version: string; by: string }[];
}

/**
 * The last days in figures: hours of up to two days, quarters of a day up to two weeks, else days, by whole steps of UTC.
 * One pass over the turns of that time; times to the first text are right to 50 ms below 2 s, and to 250 ms below 10 s.
 */
export async function readDashboard(db: RecordDatabase, days: number, nowMs: number): Promise<Dashboard> {
  const stepMs = days <= 2 ? HOUR_MS : days <= 14 ? 6 * HOUR_MS : DAY_MS;
  const untilMs = Math.ceil((nowMs + 1) / stepMs) * stepMs;
  const fromMs = untilMs - days * DAY_MS;
  const span = { fromMs, untilMs, stepMs };
  return {
    ...span,
    series: await seriesOf(db, span),
    categories: await categoriesOf(db, fromMs),
    queue: await queueOf(db, nowMs),
    decisions: await decisionsOf(db, fromMs),
    policyChanges: await policyChangesOf(db, fromMs),
  };
}

interface Span {
  fromMs: number;
  untilMs: number;
  stepMs: number;
}

async function seriesOf(db: RecordDatabase, { fromMs, untilMs, stepMs }: Span): Promise<DashboardStep[]> {
  // SQLite takes large parameters for fractions, and would not divide whole numbers by them.
  const stepOf = (column: string) => sql`cast((${sql.ref(column)} - ${fromMs}) / ${stepMs} as bigint)`;
  const first = sql`(first_token_at_ms - received_at_ms)`;
  const { rows } = await sql<{
    step: number;
    bin: number | null;
    turns: number;
    refused: number;
    withheld: number;
    failed: number;
    prompt: number;
    answer: number;
  }>`
    select ${stepOf("received_at_ms")} as step,
      case when first_token_at_ms is null then null when ${first} < 0 then 0 when ${first} < 2000 then ${first} / 50
        when ${first} < 10000 then 40 + (${first} - 2000) / 250 when ${first} < 110000 then 72 + (${first} - 10000) / 2500
        else 112 end as bin,
      count(*) as turns,
      cast(sum(case when outcome = 'refused' then 1 else 0 end) as bigint) as refused,
      cast(sum(case when outcome = 'withheld' then 1 else 0 end) as bigint) as withheld,
      cast(sum(case when outcome = 'failed' then 1 else 0 end) as bigint) as failed,
      cast(sum(coalesce(prompt_tokens, 0)) as bigint) as prompt,
      cast(sum(coalesce(answer_tokens, 0)) as bigint) as answer
    from turns where received_at_ms >= ${fromMs} and received_at_ms < ${untilMs}
    group by 1, 2`.execute(db);
  const flagged = await sql<{ step: number; turns: number }>`
    select ${stepOf("raised_at_ms")} as step, count(distinct turn_id) as turns
    from flags where raised_at_ms >= ${fromMs} and raised_at_ms < ${untilMs}
    group by 1`.execute(db);
  const flaggedAt = new Map(flagged.rows.map(({ step, turns }) => [step, turns]));
  const byStep = Map.groupBy(rows, ({ step }) => step);
  return Array.from({ length: (untilMs - fromMs) / stepMs }, (_, step) => {
    const own = byStep.get(step) ?? [];
    const sum = (of: (row: (typeof own)[number]) => number) => own.reduce((total, row) => total + of(row), 0);
    const bins = own.flatMap(({ bin, turns }) => (bin === null ? [] : [{ bin, count: turns }]));
    return {
      atMs: fromMs + step * stepMs,
      turns: sum(({ turns }) => turns),
      refused: sum(({ refused }) => refused),
      withheld: sum(({ withheld }) => withheld),
      failed: sum(({ failed }) => failed),
      flagged: flaggedAt.get(step) ?? 0,
      firstTextMsP50: quantileMs(bins, 0.5),
      firstTextMsP95: quantileMs(bins, 0.95),
      promptTokens: sum(({ prompt }) => prompt),
      answerTokens: sum(({ answer }) => answer),
    };
  });
}

/** The middle of the bin in which this share of the times ends; the bins are those of `seriesOf`. */
export function quantileMs(bins: readonly { bin: number; count: number }[], share: number): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { bin, count } of [...bins].sort((one, other) => one.bin - other.bin)) {
    seen += count;
    if (seen >= total * share) return middleMs(bin);
  }
  return null;
}

function middleMs(bin: number): number {
  if (bin < 40) return bin * 50 + 25;
  if (bin < 72) return 2000 + (bin - 40) * 250 + 125;
  return bin < 112 ? 10_000 + (bin - 72) * 2500 + 1250 : 110_000;
}

async function categoriesOf(db: RecordDatabase, fromMs: number): Promise<Dashboard["categories"]> {
  const kinds = await db
    .selectFrom("flags")
    .leftJoin("cases", "cases.case_number", "flags.in_case")
    .select((eb) => ["flags.categories", "cases.status", "cases.resolution", eb.fn.countAll<number>().as("count")])
    .where("raised_at_ms", ">=", fromMs)
    .groupBy(["flags.categories", "cases.status", "cases.resolution"])
    .limit(KINDS_MAX)
    .execute();
  const figures = new Map<string, Dashboard["categories"][number]>();
  for (const { categories, status, resolution, count } of kinds) {
    for (const category of JSON.parse(categories) as string[]) {
      const figure = figures.get(category) ?? { category, flags: 0, falsePositives: 0, decided: 0 };
      figure.flags += count;
      if (status === "resolved") figure.decided += count;
      if (status === "resolved" && resolution === "false_positive") figure.falsePositives += count;
      figures.set(category, figure);
    }
  }
  return [...figures.values()].sort(
    (one, other) => other.flags - one.flags || (one.category < other.category ? -1 : 1),
  );
}

async function queueOf(db: RecordDatabase, nowMs: number): Promise<Dashboard["queue"]> {
  const { rows } = await sql<{ open: number; overdue: number; oldest: number | null }>`
    select count(*) as open, cast(coalesce(sum(case when due_at_ms < ${nowMs} then 1 else 0 end), 0) as bigint) as overdue,
      min(first_raised_at_ms) as oldest
    from cases where ${sql.raw(OPEN_CASES)}`.execute(db);
  const [row] = rows;
  return { open: row?.open ?? 0, overdue: row?.overdue ?? 0, oldestAtMs: row?.oldest ?? null };
}

async function decisionsOf(db: RecordDatabase, fromMs: number): Promise<Dashboard["decisions"]> {
  const rows = await db
    .selectFrom("decisions")
    .innerJoin("cases", "cases.case_number", "decisions.case_number")
    .select(["decisions.at_ms", "decisions.resolution", "cases.first_raised_at_ms"])
    .where("decisions.at_ms", ">=", fromMs)
    .where("decisions.move", "=", "resolve")
    .where("decisions.to_status", "=", "resolved")
    .where(
      sql<boolean>`not exists (select 1 from decisions undoing
        where undoing.case_number = decisions.case_number and undoing.undoes_version = decisions.version)`,
    )
    .orderBy("decisions.at_ms", "desc")
    .limit(DECISIONS_MAX)
    .execute();
  const times = rows.map((row) => Math.max(0, row.at_ms - row.first_raised_at_ms)).sort((one, other) => one - other);
  const falsePositives = rows.filter(({ resolution }) => resolution === "false_positive").length;
  return {
    count: rows.length,
    medianMs: times[Math.floor(times.length / 2)] ?? null,
    falsePositiveShare: rows.length === 0 ? null : falsePositives / rows.length,
  };
}

async function policyChangesOf(db: RecordDatabase, fromMs: number): Promise<Dashboard["policyChanges"]> {
  const rows = await db
    .selectFrom("audit")
    .select(["at_ms", "by_user", "subject"])
    .where("at_ms", ">=", fromMs)
    .where("action", "in", ["policy.save", "policy.activate"])
    .orderBy("at_ms", "desc")
    .limit(POLICY_CHANGES_MAX)
    .execute();
  return rows
    .map(({ at_ms, by_user, subject }) => ({ atMs: at_ms, version: subject.replace(/^policy:/, ""), by: by_user }))
    .reverse();
}
