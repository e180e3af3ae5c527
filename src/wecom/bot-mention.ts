/** Belongs to a longer name when it follows ours: 应答助手们, bot2, bot_x. */
const NAME_UNIT = /^[\p{L}\p{N}\p{M}_]/u;
/** The same when a letter or digit comes after it: bot-2, 应答助手(测试), 应答·助手. Followed by anything else it is punctuation. */
const NAME_JOINT = /^[-.·•'’&+@/(（[【][\p{L}\p{N}]/u;
/** `/` joins names too (`HR/IT`), but right after a mention it begins a command. */
const COMMAND = /^\/[\p{L}\p{N}]/u;
/** What the client, or the member, puts between the mention and the question; U+2005 is one of `\s`. */
const SEPARATOR = /^\s*[,，:：、]?\s*/u;

/**
 * Takes the mention of the bot off the start of a group message (wecom-protocol 4.4). There is no mark that says
 * what is a mention, so only `@` and the configured name count, once, and only where the name really ends: `@应答助手们`
 * or `@bot-2` is somebody else. Without a name, or without a mention, the text comes back as it was.
 * What separates the mention from the question (spaces, U+2005, a comma or colon) goes with it.
 */
export function stripMention(text: string, botName: string | undefined): string {
  const name = botName?.trim() ?? "";
  if (name === "") return text;
  const start = text.trimStart();
  const mention = `@${name}`;
  if (!start.startsWith(mention)) return text;
  const rest = start.slice(mention.length);
  if (NAME_UNIT.test(rest) || (NAME_JOINT.test(rest) && !COMMAND.test(rest))) return text;
  return rest.replace(SEPARATOR, "");
}
