import { documentWithoutText } from "./document-errors.ts";

/** What a document says, in Markdown. */
export interface DocumentText {
  text: string;
  /** How many of them the whole document has; null where it has no such parts. */
  counted: { unit: "page" | "sheet" | "slide"; count: number } | null;
  /** Not all of it is in `text`. */
  cut: boolean;
}

/** What the reader of one type of document gives: its text piece by piece, so that nobody reads on when there is enough. */
export interface DocumentPieces {
  counted: DocumentText["counted"];
  /** None is empty. */
  pieces: Iterable<string> | AsyncIterable<string>;
  /** Asked at the end: whether the reader itself left something out. */
  leftOut: () => boolean;
}

/** Puts the pieces together until there are `charactersMax` UTF-16 units. @throws YingdaError `document_without_text`. */
export async function gather(document: DocumentPieces, charactersMax: number): Promise<DocumentText> {
  let text = "";
  let cut = false;
  for await (const piece of document.pieces) {
    text += text === "" ? piece : `\n${piece}`;
    cut = text.length > charactersMax;
    if (cut) break;
  }
  if (text.trim() === "") throw documentWithoutText();
  return {
    // A pair of surrogates may have been cut in two; half of one may be written as an escape.
    text: (cut ? text.slice(0, charactersMax).replace(/[\ud800-\udbff]$/, "") : text).toWellFormed(),
    counted: document.counted,
    cut: cut || document.leftOut(),
  };
}
