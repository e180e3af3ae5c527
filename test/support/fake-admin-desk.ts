import { createHash } from "node:crypto";
import type { z } from "zod";
import type { AuditRows, PersonDetail, PolicyAnswer, Restriction } from "../../console/src/logic/api-types.ts";
import type * as schema from "../../src/handlers/admin/api-schema.ts";
import type { FakeCases } from "./fake-admin-cases.ts";

/** People, policy, dashboard and audit of the fake admin API. */

const POLICY = `# 应答的审核策略
version: "2026.1"
stage: enforce
audience: internal

thresholds:
  internal: { act: 0.8, flag: 0.4, style: 0.9 }
  external: { act: 0.6, flag: 0.3, style: 0.9 }

categories:
  illegal: { severity: P1, question: refuse, answer: refuse }
  cyber: { severity: P2, question: refuse, answer: refuse }
  insult: { severity: P3, question: flag, answer: flag, strikes: 0 }
  pii: { severity: P2, question: redact, answer: redact, strikes: 0 }
  secret: { severity: P2, question: redact, answer: redact, strikes: 0 }
  injection: { severity: P2, question: flag, answer: flag }

allow:
  - category: illegal
    phrases: [识别代开发票, 举报刷单返利]
`;
const ACTIONS = ["allow", "flag", "redact", "refuse", "pause"];
const WATCHED: readonly (readonly [phrase: string, category: string, rule: string])[] = [
  ["代开发票", "illegal", "fraud.invoice.3"],
  ["刷单返利", "illegal", "fraud.rebate.1"],
  ["忽略以上所有指令", "injection", "sec.inject.zh"],
  ["这么笨", "insult", "insult.mild.1"],
];
const HOUR_MS = 3_600_000;

export class FakePolicy {
  #text = POLICY;
  #version = "2026.1-4be0";
  #next = 2;
  readonly #texts = new Map([[1, POLICY]]);
  source: PolicyAnswer["source"] = "console";
  readonly #versions: PolicyAnswer["versions"] = [
    { id: 1, version: "2026.1-4be0", by: "han.mei", atMs: Date.now() - 90 * HOUR_MS, note: "开始使用", active: true },
  ];

  get version(): string {
    return this.#version;
  }

  answer(): PolicyAnswer {
    return { version: this.#version, text: this.#text, source: this.source, versions: structuredClone(this.#versions) };
  }

  textOf(id: number): { id: number; version: string; text: string } | undefined {
    const version = this.#versions.find((one) => one.id === id)?.version;
    const text = this.#texts.get(id);
    return version === undefined || text === undefined ? undefined : { id, version, text };
  }

  check(text: string): z.output<typeof schema.policyCheckAnswer> {
    const faults = text.split("\n").flatMap((line, index) => {
      const category = /^\s+(\w+): \{ severity/.exec(line)?.[1] ?? "";
      return [...line.matchAll(/(question|answer): (\w+)/g)]
        .filter(([, , action = ""]) => !ACTIONS.includes(action))
        .map(([, side]) => `line ${index + 1}: categories.${category}.${side}: must be one of ${ACTIONS.join(", ")}`);
    });
    return { ok: faults.length === 0, version: faults.length === 0 ? versionOf(text) : null, faults };
  }

  try(text: string, message: string): z.output<typeof schema.policyTryAnswer> {
    const hit = WATCHED.find(([phrase]) => message.includes(phrase));
    const quiet = { action: "allow", flagged: false, categories: [], severity: null, reasons: [], signals: [] };
    if (hit === undefined) return { ...quiet, tookMs: 0.21 };
    const [phrase, category, rule] = hit;
    const action = new RegExp(`${category}: .*question: (\\w+)`).exec(text)?.[1] ?? "flag";
    const start = message.indexOf(phrase);
    const spans = [{ start, end: start + phrase.length }];
    return {
      action,
      flagged: action !== "allow",
      categories: [category],
      severity: "P2",
      reasons: [{ category, cell: "question.internal", action, because: [rule] }],
      signals: [{ checker: "lexicon", category, confidence: 0.95, rule, spans }],
      tookMs: 0.34,
    };
  }

  save(request: z.output<typeof schema.policySaveRequest>, by: string): PolicyAnswer | null {
    if (request.baseVersion !== this.#version) return null;
    const id = this.#next;
    this.#next += 1;
    this.#texts.set(id, request.text);
    const version = versionOf(request.text);
    this.#versions.unshift({ id, version, by, atMs: Date.now(), note: request.note, active: false });
    return this.activate(id);
  }

  activate(id: number): PolicyAnswer | null {
    const found = this.textOf(id);
    if (found === undefined) return null;
    this.#text = found.text;
    this.#version = found.version;
    for (const version of this.#versions) version.active = version.id === id;
    return this.answer();
  }

  dryRun(text: string, cases: FakeCases): z.output<typeof schema.dryRunAnswer> {
    const samples = cases.all().flatMap((one) => {
      const flag = one.turns.flatMap((turn) => turn.flags)[0];
      if (flag === undefined) return [];
      const category = one.categories[0] ?? "";
      const pattern = new RegExp(`${category}: .*question: (\\w+)`);
      const before = pattern.exec(this.#text)?.[1] ?? "allow";
      const after = pattern.exec(text)?.[1] ?? "allow";
      const rules = flag.signals.map(({ rule }) => rule);
      const direction = "question" as const;
      return before === after
        ? []
        : [{ turnId: `${one.caseNumber}-b`, atMs: one.raisedAtMs, text: flag.text, direction, before, after, rules }];
    });
    const stricter = samples.filter(({ before, after }) => ACTIONS.indexOf(after) > ACTIONS.indexOf(before)).length;
    const turns = 1248;
    const changes = { stricter, milder: samples.length - stricter, same: turns - samples.length };
    return { turns, cut: false, changes, samples: samples.slice(0, 20) };
  }
}

function versionOf(text: string): string {
  return `2026.1-${createHash("sha256").update(text).digest("hex").slice(0, 4)}`;
}

export class FakeAudit {
  readonly #rows: AuditRows["rows"] = [];

  add(by: string, action: string, subject: string, details: AuditRows["rows"][number]["details"] = {}): void {
    const previous = this.#rows.at(-1)?.hash ?? "";
    const seq = this.#rows.length + 1;
    const hash = createHash("sha256").update(`${previous}${seq}${by}${action}${subject}`).digest("hex");
    this.#rows.push({ seq, atMs: Date.now(), by, action, subject, details, hash });
  }

  list(query: z.output<typeof schema.auditQuery>): AuditRows {
    const { before = Number.POSITIVE_INFINITY, subject, limit } = query;
    const found = this.#rows.filter((row) => row.seq < before && (subject === undefined || row.subject === subject));
    return { rows: found.toReversed().slice(0, limit) };
  }

  verify(): z.output<typeof schema.auditVerdict> {
    return { ok: true, rows: this.#rows.length, seq: null, why: null };
  }
}

export class FakePeople {
  readonly #cases: FakeCases;
  readonly #restrictions = new Map<string, Restriction[]>();
  readonly #held = new Set(["zhao.liu"]);

  constructor(cases: FakeCases) {
    this.#cases = cases;
  }

  detail(userId: string): PersonDetail | undefined {
    const one = this.#cases.all().find((each) => each.userId === userId);
    if (one === undefined) return undefined;
    const restrictions = [...this.#of(userId), ...one.member.restrictions];
    return { ...one.member, restrictions, cases: this.#cases.ofMember(userId), onHold: this.#held.has(userId) };
  }

  list(query: z.output<typeof schema.peopleQuery>): z.output<typeof schema.peopleList> {
    const ids = [...new Set(this.#cases.all().map(({ userId }) => userId))];
    const people = ids.flatMap((userId) => {
      const person = this.detail(userId);
      if (person === undefined) return [];
      const inForce = person.restrictions.find(
        ({ liftedAtMs, untilMs }) => liftedAtMs === null && (untilMs === null || untilMs > Date.now()),
      );
      const flags90Days = Object.values(person.flags90Days).reduce((sum, count) => sum + count, 0);
      const { name, turns90Days, confirmed90Days } = person;
      const restricted = inForce !== undefined;
      const numbers = { turns90Days, flags90Days, confirmed90Days, lastSeenAtMs: Date.now() - HOUR_MS };
      return [{ userId, name, ...numbers, restricted, restrictedUntilMs: inForce?.untilMs ?? null }];
    });
    const fitting = people.filter(
      (one) =>
        (query.q === undefined || `${one.name}${one.userId}`.includes(query.q)) &&
        (query.restricted !== true || one.restricted),
    );
    return { people: fitting, cursor: null };
  }

  /** A hold has its member's userid for an id. */
  holds(): z.output<typeof schema.holdList> {
    const facts = { reason: "court", by: "wang.yi", atMs: Date.now(), liftedAtMs: null, liftedBy: null };
    return { holds: [...this.#held].map((userId) => ({ kind: "member", userId, holdId: userId, ...facts })) };
  }

  hold(userId: string): void {
    this.#held.add(userId);
  }

  liftHold(holdId: string): void {
    this.#held.delete(holdId);
  }

  restrict(userId: string, request: z.output<typeof schema.restrictRequest>, by: string): Restriction {
    const restriction: Restriction = {
      restrictionId: `r-${this.#of(userId).length + 1}`,
      kind: request.kind,
      untilMs: request.hours === null ? null : Date.now() + request.hours * HOUR_MS,
      caseNumber: null,
      reason: request.reason,
      by,
      atMs: Date.now(),
      liftedAtMs: null,
    };
    this.#restrictions.set(userId, [restriction, ...this.#of(userId)]);
    return restriction;
  }

  lift(userId: string, restrictionId: string): Restriction | undefined {
    const found = this.#of(userId).find((one) => one.restrictionId === restrictionId);
    if (found !== undefined) found.liftedAtMs = Date.now();
    return found;
  }

  #of(userId: string): Restriction[] {
    return this.#restrictions.get(userId) ?? [];
  }
}

export function dashboardOf(days: number, cases: FakeCases): z.output<typeof schema.dashboardAnswer> {
  const stepMs = days === 1 ? HOUR_MS : days <= 7 ? 6 * HOUR_MS : 24 * HOUR_MS;
  const untilMs = Math.floor(Date.now() / stepMs) * stepMs;
  const fromMs = untilMs - days * 24 * HOUR_MS;
  const series = Array.from({ length: Math.round((untilMs - fromMs) / stepMs) }, (_, index) => {
    const wave = 0.5 + 0.5 * Math.sin(index / 2.3) + 0.12 * Math.sin(index * 2.9);
    const turns = Math.round(180 + 420 * Math.max(0, wave));
    return {
      atMs: fromMs + index * stepMs,
      turns,
      refused: Math.round(turns * 0.012),
      withheld: index % 5 === 0 ? 1 : 0,
      failed: index % 7 === 3 ? 2 : 0,
      flagged: Math.round(turns * (0.028 + 0.008 * Math.sin(index))),
      firstTextMsP50: 640 + 90 * Math.sin(index / 3),
      firstTextMsP95: 1900 + 420 * Math.sin(index / 2) + (index % 9 === 4 ? 1300 : 0),
      promptTokens: turns * 420,
      answerTokens: turns * 160,
    };
  });
  const counts = cases.counts();
  const oldestAtMs = Math.min(...cases.all().map(({ raisedAtMs }) => raisedAtMs));
  return {
    fromMs,
    untilMs,
    stepMs,
    series,
    categories: [
      { category: "pii", flags: 148, falsePositives: 9, decided: 131 },
      { category: "injection", flags: 87, falsePositives: 21, decided: 80 },
      { category: "illegal", flags: 63, falsePositives: 12, decided: 60 },
      { category: "secret", flags: 41, falsePositives: 2, decided: 40 },
      { category: "insult", flags: 28, falsePositives: 14, decided: 22 },
      { category: "cyber", flags: 19, falsePositives: 5, decided: 18 },
    ],
    queue: { open: counts.open, overdue: counts.overdue, oldestAtMs },
    decisions: { count: 351, medianMs: 412_000, falsePositiveShare: 0.18 },
    policyChanges: [{ atMs: fromMs + 2.2 * ((untilMs - fromMs) / 4), version: "2026.1-4be0", by: "han.mei" }],
  };
}
