import { documentIn } from "./model-document.ts";
import type { ModelImage } from "./model-images.ts";
import { type Language, WORDS, type Words } from "./model-words.ts";
import { cutUtf8, utf8Bytes } from "./values.ts";

export interface PersonaMessage {
  role: string;
  /** Its texts. */
  content: string;
  images?: ModelImage[];
}

export interface PersonaOptions {
  /**
   * A mild phrase that the service's moderation policy refuses, said on request so that the output gate can be seen at
   * work. It comes from the policy itself, so that nothing is written down twice.
   */
  unsafeText?: string;
}

export interface PersonaAnswer {
  text: string;
  /** Goes out as `reasoning_content`, before the text. */
  reasoning?: string;
  /** Silence before the first token. */
  waitMs: number;
}

const LONG_BYTES_DEFAULT = 6_000;
/** Ten full bubbles; a larger wish is a typing mistake. */
const LONG_BYTES_MAX = 200_000;
const SLOW_SECONDS_DEFAULT = 8;
const SLOW_SECONDS_MAX = 120;
const QUOTED_CHARACTERS_MAX = 60;
const SUMMARY_QUESTIONS_MAX = 10;
/** "give me a table", "some code", "list": a wish for the form, not a question that happens to hold the word. */
const ENGLISH_SHAPES =
  /^(?:(?:please\s+)?(?:give|show|write|make|draw)\b.{0,40}\b|(?:an?\s+|some\s+)?)(?:(table)|(list)|(code))\b/i;

/**
 * What the demo model says to these messages. Pure: everything it seems to remember stands in the messages, so what it
 * remembers is exactly what the service sent. It answers in the language of the last question.
 */
export function personaAnswer(messages: readonly PersonaMessage[], options: PersonaOptions = {}): PersonaAnswer {
  const questions = messages.filter((message) => message.role === "user").map((message) => bare(message.content));
  const question = questions.at(-1) ?? "";
  const words = WORDS[languageOf(question)];
  const last = messages.findLast((message) => message.role === "user");
  const quoted = quotedIn(last?.content ?? "");
  const document = documentIn(last?.content ?? "");
  return (
    (last?.images === undefined ? undefined : plain(words.images(last.images, shorten(question)))) ??
    (document === undefined
      ? undefined
      : plain(words.document({ ...document, firstLine: shorten(document.firstLine) }, shorten(question)))) ??
    (quoted === undefined ? undefined : plain(words.quoted(shorten(quoted)))) ??
    showpiece(question, words, options) ??
    plain(remembered(question, questions, messages, words) ?? small(question, words) ?? other(questions, words))
  );
}

/**
 * What the person wrote, without the blocks that a service may set before it (`<chat-context>…</chat-context>`): a language
 * model is told what they are, this one leaves them aside.
 */
function bare(content: string): string {
  return content.replace(/^(?:\s*<([a-z]+(?:-[a-z]+)+)(?: [^>]*)?>[\s\S]*?<\/\1>)+/, "").trim();
}

/** What the person quotes, as the service marks it: material, whatever it demands. */
function quotedIn(content: string): string | undefined {
  return /<chat-quote>\s*([\s\S]*?)\s*<\/chat-quote>/.exec(content)?.[1];
}

/** Chinese as soon as there is one Chinese character: mixed sentences of Chinese speakers are Chinese. */
export function languageOf(text: string): Language {
  return /\p{Script=Han}/u.test(text) ? "zh" : "en";
}

/** A text of exactly `bytes` bytes of UTF-8. */
export function longText(bytes: number, words: Words): string {
  let text = words.longTitle;
  for (let index = 1; utf8Bytes(text) < bytes; index += 1) text += words.longParagraph(index);
  const cut = cutUtf8(text, bytes);
  // A torn Chinese character leaves up to two bytes over.
  return cut + ".".repeat(bytes - utf8Bytes(cut));
}

/** Answers that show what the service does with them. */
function showpiece(question: string, words: Words, options: PersonaOptions): PersonaAnswer | undefined {
  if (/长文|\blong text\b|\blong\s+\d/i.test(question)) {
    const asked = /\d{1,7}/.exec(question)?.[0];
    return plain(longText(Math.min(Number(asked ?? LONG_BYTES_DEFAULT), LONG_BYTES_MAX), words));
  }
  if (/违规回答|不该说的|\bunsafe (?:demo|answer)\b/i.test(question)) {
    if (options.unsafeText === undefined) return plain(words.unsafeNone);
    return plain(`${words.unsafeBefore}\n\n${options.unsafeText}\n\n${words.unsafeAfter}`);
  }
  if (/think\s*标签|<think>|\bthink tags?\b/i.test(question)) {
    return plain(`<think>${words.thinking}</think>${words.thought}`);
  }
  if (/边想边答|思考过程|\bthink aloud\b|\bshow (?:your )?reasoning\b/i.test(question)) {
    return { text: words.thought, reasoning: words.thinking, waitMs: 0 };
  }
  if (/慢答|慢慢回答|^slow(?:ly)?\b|\banswer slowly\b/i.test(question)) {
    const asked = /\d{1,4}/.exec(question)?.[0];
    const seconds = Math.min(Number(asked ?? SLOW_SECONDS_DEFAULT), SLOW_SECONDS_MAX);
    return { text: words.slow(seconds), waitMs: seconds * 1000 };
  }
  const shape = /(表格)|(列表)|(代码)/.exec(question) ?? ENGLISH_SHAPES.exec(question);
  if (shape?.[1] !== undefined) return plain(words.table);
  if (shape?.[2] !== undefined) return plain(words.list);
  if (shape?.[3] !== undefined) return plain(words.code);
  return undefined;
}

/** Answers that need the conversation. */
function remembered(
  question: string,
  questions: readonly string[],
  messages: readonly PersonaMessage[],
  words: Words,
): string | undefined {
  if (
    /我叫(?:什么|啥)|我是谁|我的名字(?:是|叫)?(?:什么|啥|呢)|\b(?:what's|what is|know|remember) my name\b|\bwho am i\b/i.test(
      question,
    )
  ) {
    const name = findName(messages);
    return name === undefined ? words.nameUnknown : words.name(name);
  }
  if (/(?:让你|叫你)记住了?(?:什么|啥)|你记住了什么|what did i (?:ask|tell) you to remember/i.test(question)) {
    const facts = findFacts(messages);
    return facts.length === 0 ? words.factsNone : words.facts(facts);
  }
  if (/(?:上一个|上个|刚才的?|前一个)(?:问题|问的)|(?:previous|last) question/i.test(question)) {
    const previous = questions.at(-2);
    return previous === undefined ? words.previousNone : words.previous(shorten(previous));
  }
  if (/(?:问了|发了)?(?:几个|多少个?)(?:问题|消息)|how many (?:questions|messages)/i.test(question)) {
    return words.count(questions.length);
  }
  if (/总结|摘要|概括|summar(?:y|i[sz]e)/i.test(question)) {
    const earlier = questions.slice(0, -1).slice(-SUMMARY_QUESTIONS_MAX).map(shorten);
    return words.summary(findName(messages), findFacts(messages), earlier);
  }
  const name = nameIn(question);
  if (name !== undefined) return words.nameKept(name);
  const fact = factIn(question);
  return fact === undefined ? undefined : words.factKept(fact);
}

/** Small talk. */
function small(question: string, words: Words): string | undefined {
  if (
    /^(?:你好|您好|嗨|哈喽|早上好|下午好|晚上好|hi|hello|hey)\b|^(?:你好|您好|嗨|哈喽|早上好|下午好|晚上好)/i.test(
      question,
    )
  ) {
    return words.greeting;
  }
  if (/你是谁|你是什么|who are you|what are you/i.test(question)) return words.who;
  if (/谢谢|多谢|感谢|\bthank(?:s| you)\b/i.test(question)) return words.thanks;
  if (/^不对|你(?:说|答|搞)?错了|you(?:'re| are) wrong|that(?:'s| is) wrong/i.test(question)) return words.corrected;
  return /^演示|^demo\b|能做什么|会什么|怎么用|what can you do/i.test(question) ? words.help : undefined;
}

function other(questions: readonly string[], words: Words): string {
  const previous = questions.at(-2);
  const shortened = previous === undefined ? undefined : shorten(previous);
  return words.other(shorten(questions.at(-1) ?? ""), questions.length, shortened);
}

/** The newest name that the user gave, or that a summary in the instructions holds. */
function findName(messages: readonly PersonaMessage[]): string | undefined {
  for (const message of messages.toReversed()) {
    if (message.role === "assistant") continue;
    const name = message.role === "user" ? nameIn(message.content) : nameInSummary(message.content);
    if (name !== undefined) return name;
  }
  return undefined;
}

function nameIn(text: string): string | undefined {
  const chinese =
    /(?:我叫|我的名字(?:是|叫)|我名叫|^(?:请|就)?叫我)\s*([\p{Script=Han}A-Za-z·]{1,20}?)(?=吧|啊|呀|哦|[^\p{Script=Han}A-Za-z·]|$)/u;
  const name = chinese.exec(text)?.[1] ?? /\b(?:my name is|call me)\s+([\p{L}'-]{1,30})/iu.exec(text)?.[1];
  return name === undefined || /^(?:什么|啥|谁)/.test(name) ? undefined : name;
}

/** The form that `Words.summary` gives, should the service keep a summary of ours. */
function nameInSummary(text: string): string | undefined {
  return (
    /(?:用户|对方|成员)的?(?:名字是|名叫|叫)\s*([\p{Script=Han}A-Za-z·]{1,20})/u.exec(text)?.[1] ??
    /\b(?:user|member)(?:'s name is| is called)\s+([\p{L}'-]{1,30})/iu.exec(text)?.[1]
  );
}

function findFacts(messages: readonly PersonaMessage[]): string[] {
  const facts = messages.filter((message) => message.role === "user").map((message) => factIn(message.content));
  return [...new Set(facts.filter((fact) => fact !== undefined))].slice(-SUMMARY_QUESTIONS_MAX);
}

function factIn(text: string): string | undefined {
  const fact =
    /(?:^|请|帮我)记住\s*[:：,，]?\s*(.+)$/.exec(text)?.[1] ??
    /^(?:please )?remember(?: that|:)\s*(.+)$/i.exec(text)?.[1];
  return fact === undefined ? undefined : shorten(fact);
}

function shorten(text: string): string {
  const characters = [...text.replaceAll(/\s+/g, " ")];
  return characters.length <= QUOTED_CHARACTERS_MAX
    ? characters.join("")
    : `${characters.slice(0, QUOTED_CHARACTERS_MAX).join("")}…`;
}

function plain(text: string): PersonaAnswer {
  return { text, waitMs: 0 };
}
