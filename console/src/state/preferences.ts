import { computed, effect, signal } from "@preact/signals";
import { recall, remember } from "./storage.ts";

/** Language and colours, as this person chose them in this browser. */

export type Language = "zh" | "en";
export type Theme = "system" | "light" | "dark";
const THEMES = ["system", "light", "dark"] as const;

export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>(THEMES.find((one) => one === recall("theme")) ?? "system");

/** What the system wants, for what is drawn and not styled. */
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);

export const isDark = computed(() => (theme.value === "system" ? systemIsDark.value : theme.value === "dark"));

export function languageTag(): "zh-CN" | "en" {
  return language.value === "zh" ? "zh-CN" : "en";
}

export function switchTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  remember("theme", theme.value);
}

/** Keeps the document's language and colours as chosen. */
export function applyPreferences(): void {
  systemDark.addEventListener("change", ({ matches }) => {
    systemIsDark.value = matches;
  });
  effect(() => {
    document.documentElement.lang = languageTag();
  });
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}

function firstLanguage(): Language {
  const kept = recall("language");
  if (kept === "zh" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
