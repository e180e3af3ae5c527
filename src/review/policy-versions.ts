import { sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import { checkText } from "./case-decisions.ts";
import { type ConsoleDatabase, withConsole } from "./console-schema.ts";
import type { Database } from "./record-database.ts";

/** Versions kept beside the one in force: a year of weekly changes, and at most some 200 MB if each were as long as can be. */
const VERSIONS_MAX = 50;
/** In UTF-16 units; what the console lets through. */
const TEXT_UNITS_MAX = 4 * 1024 * 1024;
const WORDS_UNITS_MAX = 200;

export interface PolicyVersion {
  id: number;
  version: string;
  text: string;
}

export interface PolicyVersionFacts {
  id: number;
  version: string;
  by: string;
  atMs: number;
  note: string;
  active: boolean;
}

export interface PolicyDraft {
  version: string;
  text: string;
  by: string;
  note: string;
  /** The version that the editor began from; it has to be the one in force. */
  baseVersion: string;
  /** What is in force while nothing was ever saved; kept as the first version, so that there is a way back to it. */
  shipped: { version: string; text: string };
}

/** Somebody else changed the policy meanwhile. */
export class PolicyConflict extends YingdaError {
  override name = "PolicyConflict";

  constructor(inForce: string) {
    super("case_conflict", `The policy was changed meanwhile: version ${inForce} is in force; begin from that.`);
  }
}

/** Policies that were written in the console. Each call throws `record_store_unavailable`. */
export interface PolicyVersions {
  /** Cheap, for asking every few seconds. Null: the policy that ships is in force. */
  activeId(): Promise<number | null>;
  active(): Promise<PolicyVersion | null>;
  /** The latest first, without their texts; at most 51. */
  list(): Promise<PolicyVersionFacts[]>;
  /** Throws `not_found`. */
  get(id: number): Promise<PolicyVersion>;
  /** Keeps a new version and puts it in force, audited. Throws `PolicyConflict`, `bad_request` for words that are too long. */
  save(draft: PolicyDraft): Promise<PolicyVersion>;
  /** Puts an older version in force again, audited. Throws `not_found`, `bad_request`. */
  activate(request: { id: number; by: string; reason: string }): Promise<PolicyVersion>;
}

export function openPolicyVersions(database: Database): PolicyVersions {
  return {
    activeId: () => database.read((reader) => activeId(withConsole(reader))),
    active: () =>
      database.read(async (reader) => {
        const row = await withConsole(reader)
          .selectFrom("policy_active")
          .innerJoin("policy_versions", "policy_versions.id", "policy_active.id")
          .select(["policy_versions.id", "version", "text"])
          .executeTakeFirst();
        return row ?? null;
      }),
    list: () =>
      database.read(async (reader) => {
        const rows = await withConsole(reader)
          .selectFrom("policy_versions")
          .innerJoin("policy_active", (join) => join.on("policy_active.one", "=", 1))
          .select(["policy_versions.id", "version", "by_user", "at_ms", "note", "policy_active.id as active_id"])
          .orderBy("policy_versions.id", "desc")
          .limit(VERSIONS_MAX + 1)
          .execute();
        return rows.map(({ id, version, by_user, at_ms, note, active_id }) => {
          return { id, version, by: by_user, atMs: at_ms, note, active: id === active_id };
        });
      }),
    get: (id) => database.read((reader) => versionOf(withConsole(reader), id)),
    save: (draft) => save(database, draft),
    activate({ id, by, reason }) {
      checkText("reason", reason, WORDS_UNITS_MAX);
      return database.write(async (transaction) => {
        const db = withConsole(transaction);
        const before = await lockActive(db);
        const found = await versionOf(db, id);
        if (before === id) return found;
        await db.updateTable("policy_active").set({ id }).where("one", "=", 1).execute();
        const details = { id, version: found.version, reason };
        const entry = { by, action: "policy.activate", subject: `policy:${found.version}`, details };
        await appendAudit(transaction, entry, database.clock.nowMs());
        return found;
      });
    },
  };
}

function save(database: Database, draft: PolicyDraft): Promise<PolicyVersion> {
  const { version, text, by, note, baseVersion, shipped } = draft;
  checkText("note", note, WORDS_UNITS_MAX);
  checkText("policy", text, TEXT_UNITS_MAX);
  const atMs = database.clock.nowMs();
  return database.write(async (transaction) => {
    const db = withConsole(transaction);
    const before = await lockActive(db);
    const inForce = before === null ? shipped : await versionOf(db, before);
    if (inForce.version !== baseVersion) throw new PolicyConflict(inForce.version);
    if (inForce.text === text)
      throw new YingdaError("bad_request", "This policy is in force already; nothing changed.");
    let id = (await lastId(db)) + 1;
    const insert = (row: { version: string; text: string; by_user: string; note: string }) =>
      db
        .insertInto("policy_versions")
        .values({ ...row, id, at_ms: atMs })
        .execute();
    if (before === null) {
      await insert({ version: shipped.version, text: shipped.text, by_user: by, note: "as shipped" });
      id += 1;
    }
    await insert({ version, text, by_user: by, note });
    await db.updateTable("policy_active").set({ id }).where("one", "=", 1).execute();
    await db
      .deleteFrom("policy_versions")
      .where("id", "<=", id - VERSIONS_MAX)
      .execute();
    const details = { id, version, before: inForce.version, note };
    await appendAudit(transaction, { by, action: "policy.save", subject: `policy:${version}`, details }, atMs);
    return { id, version, text };
  });
}

/** Takes the row's lock on both engines: an update that changes nothing. */
async function lockActive(db: ConsoleDatabase): Promise<number | null> {
  const row = await db
    .updateTable("policy_active")
    .set({ id: sql<number | null>`id` })
    .where("one", "=", 1)
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

async function activeId(db: ConsoleDatabase): Promise<number | null> {
  const row = await db.selectFrom("policy_active").select("id").where("one", "=", 1).executeTakeFirst();
  return row?.id ?? null;
}

async function lastId(db: ConsoleDatabase): Promise<number> {
  const row = await db
    .selectFrom("policy_versions")
    .select((eb) => eb.fn.max("id").as("id"))
    .executeTakeFirst();
  return row?.id ?? 0;
}

async function versionOf(db: ConsoleDatabase, id: number): Promise<PolicyVersion> {
  const row = await db
    .selectFrom("policy_versions")
    .select(["id", "version", "text"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new YingdaError("not_found", "There is no such policy version.");
  return row;
}
