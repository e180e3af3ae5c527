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

/** The command that the whole text is, or null. Case and space around it do not matter; full-width `／` counts as `/`. */
export function parseCommand(text: string): Command | null {
  return COMMANDS.get(text.trim().replace(/^／/, "/").toLowerCase()) ?? null;
}
