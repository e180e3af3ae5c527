import { YingdaError } from "../base/errors.ts";

/** How reading a document fails. Nothing here holds a word of it. */

export type UnreadableReason = "damaged" | "encrypted" | "old_format" | "unknown_type" | "late";
export type TooLargeReason = "entries" | "size" | "ratio" | "memory";

export function documentUnreadable(reason: UnreadableReason): YingdaError {
  const why = {
    damaged: "it is damaged, or not written as its type is",
    encrypted: "it has a password",
    old_format: "it is of Office's format before 2007",
    unknown_type: "it is no document of a known type",
    late: "reading it takes too long",
  }[reason];
  return new YingdaError("document_unreadable", `a document cannot be read: ${why}`, { details: { reason } });
}

export function documentTooLarge(reason: TooLargeReason): YingdaError {
  const why = {
    entries: "it has too many parts",
    size: "it unpacks to more than is read",
    ratio: "it is packed more densely than any document",
    memory: "it needs more memory than it may have",
  }[reason];
  return new YingdaError("document_too_large", `a document is not read: ${why}`, { details: { reason } });
}

export function documentWithoutText(): YingdaError {
  return new YingdaError("document_without_text", "a document holds no text; its pages may be scanned pictures");
}
