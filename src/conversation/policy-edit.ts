import { isSeq, parseDocument } from "yaml";

/**
 * The policy text with one more phrase that takes hits away; comments and order stay. The phrase is in none of the lists
 * twice. Whether the whole still is a policy is for its loader to say.
 */
export function withAllowPhrase(text: string, phrase: string): string {
  const document = parseDocument(text);
  const present = document.get("allow", true);
  const texts = isSeq(present) ? present.toJSON() : present === undefined ? [] : [document.get("allow")];
  const phrases = (texts as unknown[]).map(String);
  if (phrases.some((list) => list.split(/[,，\n]/u).some((one) => one.trim() === phrase))) return text;
  document.set("allow", [...phrases, phrase]);
  return document.toString({ lineWidth: 0 });
}
