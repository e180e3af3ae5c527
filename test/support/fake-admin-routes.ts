import { randomUUID } from "node:crypto";
import type { CaseDetail, Role } from "../../src/handlers/admin/api-schema.ts";
import * as schema from "../../src/handlers/admin/api-schema.ts";
import { Conflict, type FakeCases, rowOf } from "./fake-admin-cases.ts";
import { dashboardOf, type FakeAudit, type FakePeople, type FakePolicy } from "./fake-admin-desk.ts";

/** The routes of the fake admin API. Bodies go through the contract's schemas in both directions. */

export interface FakeUser {
  userId: string;
  name: string;
  role: Role;
}

type Session = FakeUser & { csrf: string; atMs: number };

export interface Parts {
  cases: FakeCases;
  policy: FakePolicy;
  people: FakePeople;
  audit: FakeAudit;
  decisions: unknown[];
  sessions: Map<string, Session>;
  tell: (event: unknown) => void;
}

export interface Call {
  method: string;
  route: string;
  query: URLSearchParams;
  body: unknown;
  user: Session | undefined;
  sid: string;
}

export interface Answer {
  status: number;
  body?: unknown;
  cookie?: string;
}

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(`refused: ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** One-time tokens of the real service; here each signs one person in, again and again. */
export const TOKENS: Record<string, FakeUser> = {
  "token-admin": { userId: "han.mei", name: "韩梅", role: "admin" },
  "token-reviewer": { userId: "li.lei", name: "李雷", role: "reviewer" },
  "token-viewer": { userId: "lin.tao", name: "林涛", role: "viewer" },
};

const SESSION_MS = 12 * 3_600_000;
const REVIEWER_HOURS_MAX = 24;

export function answerRoute(parts: Parts, call: Call): Answer {
  const { method, route, user } = call;
  if (route === "/login/options") return ok(schema.loginOptions.parse({ wecom: true, bootstrap: true }));
  if (route === "/login/bootstrap") return signIn(parts, schema.bootstrapRequest.parse(call.body).token);
  if (user === undefined) throw new Refusal(401, "not_signed_in");
  if (method !== "GET" && user.role === "viewer" && route !== "/logout") throw new Refusal(403, "not_allowed");
  const [, first = "", second = "", third = "", fourth = "", fifth = ""] = route.split("/");
  switch (`${method} /${first}`) {
    case "GET /session":
      return ok(sessionOf(user));
    case "POST /logout":
      parts.sessions.delete(call.sid);
      return { status: 204, cookie: "sid=; Path=/; Max-Age=0" };
    case "GET /cases":
    case "POST /cases":
      return caseRoute(parts, call, user, second, third);
    case "GET /people":
    case "POST /people":
      return peopleRoute(parts, call, user, [second, third, fourth, fifth].map(decodeURIComponent));
    case "GET /policy":
    case "PUT /policy":
    case "POST /policy":
      return policyRoute(parts, call, user, second, Number(third));
    case "GET /dashboard":
      return ok(dashboardOf(schema.dashboardQuery.parse(Object.fromEntries(call.query)).days, parts.cases));
    case "POST /second-reviews":
      schema.secondReviewRequest.parse(call.body);
      parts.audit.add(user.userId, "case.second_review", `case:${second}`);
      return { status: 204 };
    case "GET /second-reviews":
      if (second === "next")
        return ok(schema.secondReviewNext.parse({ case: { ...parts.cases.all().at(0), audience: "internal" } }));
      return ok(schema.agreementAnswer.parse({ pairs: 40, observed: 0.9, expected: 0.5, kappa: 0.8, categories: [] }));
    case "GET /holds":
    case "POST /holds":
      admin(user);
      return holdRoute(parts, call, second);
    case "GET /audit":
      admin(user);
      if (second === "verify") return ok(parts.audit.verify());
      return ok(parts.audit.list(schema.auditQuery.parse(Object.fromEntries(call.query))));
    case "GET /settings":
      admin(user);
      return ok(settingsOf(parts, call.sid));
    case "POST /settings":
      admin(user);
      parts.sessions.delete(third);
      return { status: 204 };
    default:
      throw new Refusal(404, "not_found");
  }
}

function caseRoute(parts: Parts, call: Call, user: Session, caseNumber: string, what: string): Answer {
  const { cases, audit } = parts;
  const me = user.userId;
  if (call.method === "GET") {
    if (caseNumber === "") {
      return ok(schema.caseList.parse(cases.list(schema.caseQuery.parse(Object.fromEntries(call.query)), me)));
    }
    if (caseNumber === "counts") return ok(cases.counts());
    return ok(schema.caseDetail.parse(known(parts, caseNumber)));
  }
  if (caseNumber === "next") return ok({ case: cases.next(me, call.body as { severity?: string; category?: string }) });
  if (caseNumber === "bulk") return bulk(parts, call, me, what === "undo");
  const detail = known(parts, caseNumber);
  switch (what) {
    case "claim":
      return ok(rowOf(cases.claim(detail, me, (call.body as { takeOver?: boolean }).takeOver === true)));
    case "renew":
      return ok(rowOf(cases.claim(detail, me, false)));
    case "release":
      return ok(rowOf(cases.release(detail, me)));
    case "decisions": {
      const request = schema.decisionRequest.parse(call.body);
      const { restrict, recall } = request.actions;
      if (recall === true) admin(user);
      if (restrict !== undefined && (restrict.hours ?? Number.POSITIVE_INFINITY) > REVIEWER_HOURS_MAX) admin(user);
      cases.decide(detail, me, request);
      parts.decisions.push({ caseNumber, ...request });
      if (restrict !== undefined) parts.people.restrict(detail.userId, { ...restrict, reason: request.reason }, me);
      audit.add(me, `case.${request.move}`, `case:${caseNumber}`, { resolution: request.resolution ?? null });
      return ok(schema.decisionAnswer.parse({ case: rowOf(detail), undoUntilMs: detail.undoUntilMs, problems: [] }));
    }
    case "undo":
      return ok(rowOf(cases.undo(detail, me)));
    case "notes": {
      const note = { by: me, atMs: Date.now(), text: schema.noteRequest.parse(call.body).text };
      detail.notes.push(note);
      return ok(note);
    }
    case "reveal":
      audit.add(me, "case.reveal", `case:${caseNumber}`, { reason: schema.reasonRequest.parse(call.body).reason });
      return ok(schema.revealAnswer.parse({ turns: cases.rawTurns(caseNumber) }));
    default:
      throw new Refusal(404, "not_found");
  }
}

function bulk(parts: Parts, call: Call, me: string, isUndo: boolean): Answer {
  const decided: string[] = [];
  const failed: { caseNumber: string; why: string }[] = [];
  const each = (caseNumber: string, act: (detail: CaseDetail) => void) => {
    try {
      act(known(parts, caseNumber));
      decided.push(caseNumber);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      failed.push({ caseNumber, why: "case_conflict" });
    }
  };
  if (isUndo) {
    const { caseNumbers } = call.body as { caseNumbers: string[] };
    for (const caseNumber of caseNumbers) each(caseNumber, (detail) => parts.cases.undo(detail, me));
  } else {
    const { cases, ...request } = schema.bulkRequest.parse(call.body);
    for (const { caseNumber, version } of cases) {
      each(caseNumber, (detail) => parts.cases.decide(detail, me, { ...request, version }));
    }
  }
  return ok(schema.bulkAnswer.parse({ batchId: randomUUID(), decided, failed, undoUntilMs: Date.now() + 60_000 }));
}

function holdRoute(parts: Parts, call: Call, holdId: string): Answer {
  if (call.method === "GET") return ok(parts.people.holds());
  if (holdId !== "") {
    parts.people.liftHold(holdId);
    return ok({});
  }
  const { kind, ...subject } = schema.holdRequest.parse(call.body);
  if (kind === "member" && "userId" in subject) parts.people.hold(subject.userId);
  return ok({});
}

function peopleRoute(parts: Parts, call: Call, user: Session, path: string[]): Answer {
  const [userId = "", what = "", restrictionId = ""] = path;
  if (userId === "") return ok(parts.people.list(schema.peopleQuery.parse(Object.fromEntries(call.query))));
  const person = parts.people.detail(userId);
  if (person === undefined) throw new Refusal(404, "not_found");
  if (call.method === "GET") return ok(what === "export" ? { person } : schema.personDetail.parse(person));
  switch (what) {
    case "restrictions": {
      if (restrictionId !== "") {
        schema.reasonRequest.parse(call.body);
        parts.audit.add(user.userId, "member.lift", `member:${userId}`);
        return ok(parts.people.lift(userId, restrictionId));
      }
      const request = schema.restrictRequest.parse(call.body);
      if ((request.hours ?? Number.POSITIVE_INFINITY) > REVIEWER_HOURS_MAX) admin(user);
      parts.audit.add(user.userId, `member.${request.kind}`, `member:${userId}`, { hours: request.hours });
      return ok(schema.restriction.parse(parts.people.restrict(userId, request, user.userId)));
    }
    case "lift-pause":
      return { status: 204 };
    case "erase":
      admin(user);
      schema.eraseRequest.parse(call.body);
      return ok({ turns: 64, flags: 3, feedback: 2, held: person.onHold });
    default:
      throw new Refusal(404, "not_found");
  }
}

function policyRoute(parts: Parts, call: Call, user: Session, what: string, id: number): Answer {
  const { policy } = parts;
  if (call.method === "PUT") {
    admin(user);
    const request = schema.policySaveRequest.parse(call.body);
    const saved = policy.save(request, user.userId);
    if (saved === null) throw new Refusal(409, "policy_conflict");
    return announced(parts, saved, user, "policy.save");
  }
  if (call.method === "GET") {
    if (what === "") return ok(schema.policyAnswer.parse(policy.answer()));
    return ok(policy.textOf(id) ?? notFound());
  }
  switch (what) {
    case "check":
      return ok(policy.check(schema.policyCheckRequest.parse(call.body).text));
    case "try": {
      const { text, message } = schema.policyTryRequest.parse(call.body);
      return ok(schema.policyTryAnswer.parse(policy.try(text ?? policy.answer().text, message)));
    }
    case "dry-run":
      admin(user);
      return ok(schema.dryRunAnswer.parse(policy.dryRun(schema.dryRunRequest.parse(call.body).text, parts.cases)));
    default:
      admin(user);
      schema.reasonRequest.parse(call.body);
      return announced(parts, policy.activate(id) ?? notFound(), user, "policy.activate");
  }
}

function announced(parts: Parts, answer: { version: string }, user: Session, action: string): Answer {
  parts.audit.add(user.userId, action, `policy:${answer.version}`);
  parts.tell({ type: "policy", version: answer.version });
  return ok(answer);
}

function signIn(parts: Parts, token: string): Answer {
  const user = TOKENS[token];
  if (user === undefined) throw new Refusal(403, "not_allowed");
  const sid = randomUUID().replaceAll("-", "");
  const session = { ...user, csrf: randomUUID(), atMs: Date.now() };
  parts.sessions.set(sid, session);
  parts.audit.add(user.userId, "login", `member:${user.userId}`, { door: "bootstrap" });
  return { ...ok(sessionOf(session)), cookie: `sid=${sid}; Path=/; HttpOnly; SameSite=Lax` };
}

function sessionOf({ csrf, atMs, userId, name, role }: Session) {
  return schema.sessionAnswer.parse({ user: { userId, name, role }, csrf, expiresAtMs: atMs + SESSION_MS });
}

function settingsOf(parts: Parts, sid: string) {
  return schema.settingsAnswer.parse({
    serviceVersion: "0.1.0",
    channels: ["app", "bot"],
    model: "qwen3-32b",
    guard: "qwen3guard-4b",
    retention: { rawDays: 30, maskedDays: 190 },
    policySource: parts.policy.source,
    people: Object.values(TOKENS).map(({ userId, role }) => ({ userId, role })),
    sessions: [...parts.sessions].map(([id, { userId, atMs }]) => ({
      id,
      userId,
      atMs,
      lastSeenAtMs: Date.now(),
      current: id === sid,
    })),
  });
}

function known(parts: Parts, caseNumber: string): CaseDetail {
  return parts.cases.get(caseNumber) ?? notFound();
}

function admin(user: FakeUser): void {
  if (user.role !== "admin") throw new Refusal(403, "not_allowed");
}

function notFound(): never {
  throw new Refusal(404, "not_found");
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}
