import { sql } from "kysely";
import { appendAudit } from "./audit-log.ts";
import type { Database } from "./record-database.ts";

/** Rows of one page: some megabytes at most, however much there is. */
const PAGE_ROWS = 500;

/** See `People.export`. */
export async function* exportMember(
  database: Database,
  { userId, by }: { userId: string; by: string },
): AsyncGenerator<string> {
  const member = userId.toLowerCase();
  const atMs = database.clock.nowMs();
  await database.write((transaction) =>
    appendAudit(transaction, { by, action: "member.export", subject: `member:${member}`, details: {} }, atMs),
  );
  yield `{"userId":${JSON.stringify(userId)},"exportedAtMs":${atMs}`;
  yield* listOf("turns", (after) => turnsPage(database, member, after));
  yield* listOf("feedback", (after) => feedbackPage(database, member, after));
  yield* listOf("cases", (after) => casesPage(database, member, after));
  yield* listOf("restrictions", (after) => restrictionsPage(database, member, after));
  yield "}\n";
}

/** Where a page ended: what it is sorted by, and the key. */
interface Place {
  atMs: number;
  id: string;
}

const START: Place = { atMs: -1, id: "" };

async function* listOf(
  name: string,
  page: (after: Place) => Promise<{ place: Place; shown: object }[]>,
): AsyncGenerator<string> {
  yield `,\n"${name}":[`;
  let after = START;
  let separator = "\n";
  for (;;) {
    const rows = await page(after);
    const last = rows.at(-1);
    if (last === undefined) break;
    yield separator + rows.map(({ shown }) => JSON.stringify(shown)).join(",\n");
    separator = ",\n";
    after = last.place;
  }
  yield "]";
}

function turnsPage(database: Database, member: string, after: Place) {
  return database.read(async (reader) => {
    const rows = await reader
      .selectFrom("turns")
      .selectAll()
      .where(sql`lower(user_id)`, "=", member)
      .where(sql<boolean>`(received_at_ms, turn_id) > (${after.atMs}, ${after.id})`)
      .orderBy("received_at_ms")
      .orderBy("turn_id")
      .limit(PAGE_ROWS)
      .execute();
    return rows.map((row) => ({
      place: { atMs: row.received_at_ms, id: row.turn_id },
      shown: {
        turnId: row.turn_id,
        conversationId: row.conversation_id,
        channel: row.channel,
        groupId: row.group_id,
        receivedAtMs: row.received_at_ms,
        outcome: row.outcome,
        question: row.masked_at_ms === null ? row.question : (row.question_masked ?? ""),
        answer: row.masked_at_ms === null ? row.answer : (row.answer_masked ?? ""),
        masked: row.masked_at_ms !== null,
      },
    }));
  });
}

function feedbackPage(database: Database, member: string, after: Place) {
  return database.read(async (reader) => {
    const rows = await reader
      .selectFrom("feedback")
      .selectAll()
      .where(sql`lower(user_id)`, "=", member)
      .where(sql<boolean>`(at_ms, event_id) > (${after.atMs}, ${after.id})`)
      .orderBy("at_ms")
      .orderBy("event_id")
      .limit(PAGE_ROWS)
      .execute();
    return rows.map((row) => ({
      place: { atMs: row.at_ms, id: row.event_id },
      shown: {
        atMs: row.at_ms,
        verdict: row.verdict,
        reasons: JSON.parse(row.reasons) as string[],
        comment: row.comment,
      },
    }));
  });
}

function casesPage(database: Database, member: string, after: Place) {
  return database.read(async (reader) => {
    const rows = await reader
      .selectFrom("cases")
      .selectAll()
      .where(sql`lower(user_id)`, "=", member)
      .where(sql<boolean>`(first_raised_at_ms, case_number) > (${after.atMs}, ${after.id})`)
      .orderBy("first_raised_at_ms")
      .orderBy("case_number")
      .limit(PAGE_ROWS)
      .execute();
    return rows.map((row) => ({
      place: { atMs: row.first_raised_at_ms, id: row.case_number },
      shown: {
        caseNumber: row.case_number,
        firstRaisedAtMs: row.first_raised_at_ms,
        lastRaisedAtMs: row.last_raised_at_ms,
        categories: JSON.parse(row.categories) as string[],
        severity: row.severity,
        action: row.action,
        status: row.status,
        resolution: row.resolution,
        decidedAtMs: row.decided_at_ms,
        appeals: row.appeal_count,
      },
    }));
  });
}

function restrictionsPage(database: Database, member: string, after: Place) {
  return database.read(async (reader) => {
    const rows = await reader
      .selectFrom("restrictions")
      .selectAll()
      .where(sql`lower(user_id)`, "=", member)
      .where(sql<boolean>`(at_ms, restriction_id) > (${after.atMs}, ${after.id})`)
      .orderBy("at_ms")
      .orderBy("restriction_id")
      .limit(PAGE_ROWS)
      .execute();
    return rows.map((row) => ({
      place: { atMs: row.at_ms, id: row.restriction_id },
      shown: {
        kind: row.kind,
        atMs: row.at_ms,
        untilMs: row.until_ms,
        caseNumber: row.case_number,
        reason: row.reason,
        liftedAtMs: row.lifted_at_ms,
      },
    }));
  });
}
