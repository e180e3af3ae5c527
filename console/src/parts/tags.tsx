import type { CaseRow, Severity } from "../logic/api-types.ts";
import { nameOf } from "../words/words.ts";

export function SeverityTag({ severity }: { severity: Severity }) {
  return (
    <span class={`severity ${severity.toLowerCase()}`} title={nameOf("severity", severity)}>
      {severity}
    </span>
  );
}

export function CategoryTags({ categories }: { categories: readonly string[] }) {
  return (
    <>
      {categories.map((category) => (
        <span key={category} class="tag">
          {nameOf("category", category)}
        </span>
      ))}
    </>
  );
}

export function StatusTag({ row }: { row: Pick<CaseRow, "status" | "resolution"> }) {
  const word = row.resolution === null ? nameOf("status", row.status) : nameOf("resolution", row.resolution);
  return <span class={`status ${row.status}`}>{word}</span>;
}

const TONES: Record<string, string> = {
  lexicon: "amber",
  rules: "orange",
  personal: "teal",
  classifier: "violet",
  guard: "red",
  risk: "slate",
};

/** A colour for each checker, the same in the text and in the list beside it. */
export function toneOf(checker: string): string {
  return (Object.hasOwn(TONES, checker) ? TONES[checker] : undefined) ?? "slate";
}
