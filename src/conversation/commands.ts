import type { Message } from "../session/message.ts";

/** The words a member can send to the bot itself (contract.md). Anything else that begins with `/` is a normal message. */
export type Command = "help" | "new" | "stop" | "retry" | "appeal";

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["/help", "help"],
  ["帮助", "help"],
  ["/new", "new"],
  ["新对话", "new"],
  ["/stop", "stop"],
  ["停止", "stop"],
  ["/retry", "retry"],
  ["重试", "retry"],
  ["/appeal", "appeal"],
  ["申诉", "appeal"],
]);

/** Words that end an answer that runs or waits, and are ordinary words when there is none. */
const STOP_WORDS: ReadonlySet<string> = new Set(["算了", "算了吧", "不用了", "停", "stop"]);

/** Whether the whole text is one of the words that end a running answer. Case and space around it do not matter. */
export function isStopWord(text: string): boolean {
  return STOP_WORDS.has(text.trim().toLowerCase());
}

/** The command that a kept message is, or null; a stop word that found an answer under way was kept as a stop request. */
export function commandOf({ text, stops }: Pick<Message, "text" | "stops">): Command | null {
  return stops === true ? "stop" : parseCommand(text);
}

/** The command that the whole text is, or null. Case and space around it do not matter; full-width `／` counts as `/`. */
export function parseCommand(text: string): Command | null {
  return COMMANDS.get(text.trim().replace(/^／/, "/").toLowerCase()) ?? null;
}
