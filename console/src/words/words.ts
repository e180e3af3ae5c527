import { batch, signal } from "@preact/signals";
import { type Language, language } from "../state/preferences.ts";
import { remember } from "../state/storage.ts";
import enUrl from "./en.json?url";

import zhUrl from "./zh.json?url";

/** The words of the page: data that is fetched for the one language that is read. The Chinese ones give the keys. */

type Dictionary = typeof import("./zh.json", { with: { "resolution-mode": "import" }});
export type Word = keyof Dictionary["words"];
export type Names = keyof Dictionary["names"];

const ADDRESSES = { zh: zhUrl, en: enUrl };
const dictionary = signal<Dictionary | null>(null);

/** Throws when the words cannot be fetched: then the page keeps the language it has. */
export async function speak(next: Language): Promise<void> {
  const response = await fetch(ADDRESSES[next]);
  if (!response.ok) throw new Error(`the words of the page: ${response.status}`);
  const words = (await response.json()) as Dictionary;
  batch(() => {
    dictionary.value = words;
    language.value = next;
  });
}

export async function switchLanguage(): Promise<void> {
  await speak(language.value === "zh" ? "en" : "zh");
  remember("language", language.value);
}

/** A word or sentence; `{name}` in it is replaced by `values.name`. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  const sentence = dictionary.value?.words[word] ?? word;
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The name of what the service calls by a code. A code without a name here is shown as it came. */
export function nameOf(group: Names, code: string): string {
  const names: Record<string, string> = dictionary.value?.names[group] ?? {};
  return (Object.hasOwn(names, code) ? names[code] : undefined) ?? code;
}

/** Names in a row: `个人信息、提示注入`. */
export function listed(names: readonly string[]): string {
  return names.join(language.value === "zh" ? "、" : ", ");
}
