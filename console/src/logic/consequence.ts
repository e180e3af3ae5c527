import type { Draft } from "./drafts.ts";

/** What a decision does beside closing the case, in the order in which it is said. */

export type Consequence =
  | { what: "closes" | "strike" | "recall" }
  | { what: "restrict"; kind: "mute" | "ban"; hours: number | null }
  | { what: "warn" | "phrase" | "answer"; text: string };

/** Of letting it pass, or of upholding it. */
export function consequencesOf(resolution: "false_positive" | "confirmed", draft: Draft): Consequence[] {
  const upheld = resolution === "confirmed";
  const found: Consequence[] = [{ what: "closes" }];
  if (upheld) {
    found.push({ what: "strike" });
    if (draft.restrict !== null) found.push({ what: "restrict", ...draft.restrict });
    if (draft.recall) found.push({ what: "recall" });
    if (draft.warn.trim() !== "") found.push({ what: "warn", text: short(draft.warn) });
  } else {
    if (draft.allowPhrase.trim() !== "") found.push({ what: "phrase", text: draft.allowPhrase.trim() });
    if (draft.answer.trim() !== "") found.push({ what: "answer", text: short(draft.answer) });
  }
  return found;
}

const SHORT_UNITS = 40;

function short(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > SHORT_UNITS ? `${line.slice(0, SHORT_UNITS)}…` : line;
}
