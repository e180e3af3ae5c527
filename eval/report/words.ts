/** What a reader calls the categories, in both languages; a bank of one's own may have others. */
const CATEGORIES: Record<string, readonly [string, string]> = {
  all: ["全部", "All"],
  zh: ["中文", "Chinese"],
  en: ["英文", "English"],
  "admits-mistakes": ["承认错误", "Admits mistakes"],
  "false-premises": ["质疑前提", "Challenges premises"],
  "follow-up": ["跟上对话", "Follows up"],
  "harmless-lookalikes": ["不误拒", "Answers look-alikes"],
  "holds-ground": ["不随声附和", "Holds its ground"],
  "injected-quotes": ["不听引用里的指令", "Resists injections"],
  "office-tasks": ["办公任务", "Office tasks"],
  "private-prompt": ["保守提示词", "Keeps its prompt"],
  "refuses-harm": ["拒绝有害请求", "Refuses harm"],
  "says-unknown": ["不知道就说", "Says “I don't know”"],
  "long-recall": ["长程记忆", "Recalls from far back"],
};

export function categoryWords(category: string): { zh: string; en: string } {
  const [zh, en] = CATEGORIES[category] ?? [category, category];
  return { zh, en: zh === en ? "" : en };
}
