import type { ComponentChildren } from "preact";
import type { CaseDetail, Decision } from "../logic/api-types.ts";
import { At } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { undoOne } from "../state/deciding.ts";
import { fetchCase } from "../state/open-case.ts";
import { isMe } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, t } from "../words/words.ts";

interface Entry {
  atMs: number;
  by: string;
  kind: "decision" | "note" | "raised";
  undone?: boolean;
  children: ComponentChildren;
}

/** Decisions and notes as they came, and who made them. */
export function Timeline({ detail }: { detail: CaseDetail }) {
  const unsorted: Entry[] = [
    { atMs: detail.raisedAtMs, by: t("service"), kind: "raised", children: t("raised", { count: detail.flagCount }) },
    ...detail.decisions.map((decision) => entryOf(decision)),
    ...detail.notes.map((note) => ({
      atMs: note.atMs,
      by: note.by,
      kind: "note" as const,
      children: <span class="said">{note.text}</span>,
    })),
  ];
  const entries = unsorted.sort((one, other) => one.atMs - other.atMs);
  const last = detail.decisions.findLast((decision) => !decision.undone);
  const mayUndo = (detail.undoUntilMs ?? 0) > nowMs.value && last !== undefined && isMe(last.by);
  return (
    <section class="card" data-testid="timeline">
      <h3>{t("timeline")}</h3>
      <ol class="timeline">
        {entries.map((entry) => (
          <li
            key={`${entry.kind} ${entry.atMs} ${entry.by}`}
            class={entry.undone ? `${entry.kind} undone` : entry.kind}
          >
            <p class="soft">
              {entry.by} · <At ms={entry.atMs} />
            </p>
            <div>{entry.children}</div>
          </li>
        ))}
      </ol>
      {mayUndo && (
        <button type="button" class="button small" onClick={() => void takeBack(detail.caseNumber)}>
          {t("undo")}
        </button>
      )}
    </section>
  );
}

function entryOf(decision: Decision): Entry {
  const what = decision.resolution === null ? nameOf("move", decision.move) : nameOf("resolution", decision.resolution);
  return {
    atMs: decision.atMs,
    by: decision.by,
    kind: "decision",
    undone: decision.undone,
    children: (
      <>
        <strong>{what}</strong>
        {decision.undone && ` (${t("undoneMark")})`}
        {decision.reason !== "" && ` · ${decision.reason}`}
        {decision.note !== "" && <p class="said">{decision.note}</p>}
      </>
    ),
  };
}

async function takeBack(caseNumber: string): Promise<void> {
  try {
    await undoOne(caseNumber);
    await fetchCase(caseNumber);
  } catch (error) {
    say("bad", t("undoFailed", { why: explain(error) }));
  }
}
