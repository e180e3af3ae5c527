import { createHash } from "node:crypto";

/** Crockford's alphabet: no letters that are mistaken for each other when read aloud. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 50 bits: at a million cases a number taken twice is a chance of one in two thousand. */
const LENGTH = 10;

/** The number a member is told. Always the same for the same message and reason, so a resumed turn names the same case. */
export function caseNumberOf(messageId: string, reason: "question" | "answer" | "appeal"): string {
  const digest = createHash("sha256").update(`${reason}\n${messageId}`).digest();
  let number = "";
  for (let i = 0; i < LENGTH; i += 1) number += ALPHABET[(digest[i] ?? 0) % ALPHABET.length];
  return `${number.slice(0, 5)}-${number.slice(5)}`;
}
