/** What a reviewer has begun to write about a case, kept over reloads, failures and somebody else's decision. */

export interface Draft {
  note: string;
  /** Said to the member in the chat; empty: nothing is. */
  warn: string;
  restrict: { kind: "mute" | "ban"; hours: number | null } | null;
  allowPhrase: string;
  recall: boolean;
  answer: string;
}

export const NO_DRAFT: Draft = { note: "", warn: "", restrict: null, allowPhrase: "", recall: false, answer: "" };

export const DRAFT_LIMITS = { note: 2000, warn: 500, allowPhrase: 64, answer: 2000 } as const;
/** Older ones give way: a tab's storage is small. */
const DRAFTS_MAX = 50;
const KEY = "console drafts";

/** The part of `Storage` that is needed; a browser may refuse all of it. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export interface Drafts {
  read(caseNumber: string): Draft;
  /** An empty draft is forgotten. */
  keep(caseNumber: string, draft: Draft): void;
  forget(caseNumber: string): void;
}

export function draftsOn(shelf: Shelf): Drafts {
  const kept = readAll(shelf);
  const write = () => {
    for (const caseNumber of [...kept.keys()].slice(0, Math.max(0, kept.size - DRAFTS_MAX))) kept.delete(caseNumber);
    try {
      shelf.setItem(KEY, JSON.stringify([...kept]));
    } catch {
      // A full or forbidden storage: the draft lives as long as the page.
    }
  };
  return {
    read: (caseNumber) => kept.get(caseNumber) ?? NO_DRAFT,
    keep(caseNumber, draft) {
      kept.delete(caseNumber); // the latest goes last
      if (!isEmpty(draft)) kept.set(caseNumber, draft);
      write();
    },
    forget(caseNumber) {
      if (kept.delete(caseNumber)) write();
    },
  };
}

export function isEmpty(draft: Draft): boolean {
  const { note, warn, restrict, allowPhrase, recall, answer } = draft;
  return `${note}${warn}${allowPhrase}${answer}` === "" && restrict === null && !recall;
}

function readAll(shelf: Shelf): Map<string, Draft> {
  try {
    const read: unknown = JSON.parse(shelf.getItem(KEY) ?? "[]");
    const entries = Array.isArray(read) ? read : [];
    return new Map(entries.flatMap(([caseNumber, draft]: [string, Draft]) => [[caseNumber, whole(draft)] as const]));
  } catch {
    return new Map(); // somebody else's, or cut off: nothing of ours
  }
}

/** A draft as an older page wrote it may lack a part or have one of another kind. */
function whole(draft: Partial<Draft>): Draft {
  const text = (given: unknown, unitsMax: number) => (typeof given === "string" ? given.slice(0, unitsMax) : "");
  const { restrict } = draft;
  const fits = restrict?.kind === "mute" || restrict?.kind === "ban";
  const hours = typeof restrict?.hours === "number" ? restrict.hours : null;
  return {
    note: text(draft.note, DRAFT_LIMITS.note),
    warn: text(draft.warn, DRAFT_LIMITS.warn),
    restrict: fits && restrict != null ? { kind: restrict.kind, hours } : null,
    allowPhrase: text(draft.allowPhrase, DRAFT_LIMITS.allowPhrase),
    recall: draft.recall === true,
    answer: text(draft.answer, DRAFT_LIMITS.answer),
  };
}
