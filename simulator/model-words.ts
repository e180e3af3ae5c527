/** What the demo model says, in its two languages. It says everywhere that it is a demo. */

import type { ModelDocument } from "./model-document.ts";
import type { ModelImage } from "./model-images.ts";

export type Language = "zh" | "en";

export interface Words {
  greeting: string;
  who: string;
  thanks: string;
  corrected: string;
  nameKept(name: string): string;
  name(name: string): string;
  nameUnknown: string;
  factKept(fact: string): string;
  facts(facts: string[]): string;
  factsNone: string;
  count(questions: number): string;
  previous(question: string): string;
  previousNone: string;
  summary(name: string | undefined, facts: string[], questions: string[]): string;
  other(question: string, questions: number, previous: string | undefined): string;
  quoted(quote: string): string;
  images(images: readonly ModelImage[], question: string): string;
  document(document: ModelDocument, question: string): string;
  help: string;
  table: string;
  list: string;
  code: string;
  thinking: string;
  thought: string;
  slow(seconds: number): string;
  unsafeBefore: string;
  unsafeAfter: string;
  unsafeNone: string;
  longTitle: string;
  /** One paragraph of a long text; `index` keeps them apart. */
  longParagraph(index: number): string;
}

const HELP_ZH = `| 发给我 | 会看到 |
|---|---|
| 我叫小明，然后：我叫什么？ | 跨轮次的记忆 |
| 记住：周五交报告，然后：我让你记住了什么？ | 同上 |
| 上一个问题是什么？ / 我问了几个问题？ | 只从收到的消息里算出来 |
| 表格 / 列表 / 代码 | Markdown |
| 写一篇长文 / 长文 24000 | 长回答（恰好这么多字节） |
| 边想边答 / think 标签 | 思考内容 |
| 慢答 10 | 等 10 秒才开口 |
| 演示违规回答 | 输出审核怎样拦下回答 |`;

const HELP_EN = `| send me | and you see |
|---|---|
| My name is Ann, then: What is my name? | memory over several turns |
| Remember: the report is due on Friday, then: What did I ask you to remember? | the same |
| What was my previous question? / How many questions? | worked out from the messages I am sent, nothing else |
| table / list / code | Markdown |
| long text / long 24000 | a long answer, of exactly that many bytes |
| think aloud / think tags | thinking output |
| slow 10 | ten seconds of silence first |
| unsafe demo | the output check stopping an answer |`;

const zh: Words = {
  greeting: "你好！我是演示模型：一小段程序，不是语言模型。我会记住这次对话里你告诉我的事。发“演示”看看能试什么。",
  who: "我是随应答附带的演示模型：一小段照规则回话的程序，不是语言模型。接上真正的模型后，这里就是它来回答。",
  thanks: "不客气！",
  corrected: "你说得对，可能是我错了。我只是演示程序，判断不了对错；请以你核实过的为准。",
  nameKept: (name) => `好的，${name}，记住了。等会儿可以问我“我叫什么？”`,
  name: (name) => `你叫${name}。这是你在这次对话里告诉我的。`,
  nameUnknown: "你还没有告诉我你的名字，我不会猜。",
  factKept: (fact) => `好的，记住了：${fact}`,
  facts: (facts) => `你让我记住的：\n${facts.map((fact) => `- ${fact}`).join("\n")}`,
  factsNone: "这次对话里你还没有让我记住什么。",
  count: (questions) => `到这一句为止，你在这次对话里发了 ${questions} 条消息。`,
  previous: (question) => `你上一个问题是：“${question}”`,
  previousNone: "这是我在这次对话里看到的第一个问题，前面没有别的。",
  summary: (name, facts, questions) =>
    [
      "这次对话的小结：",
      ...(name === undefined ? [] : [`- 用户的名字是${name}。`]),
      ...facts.map((fact) => `- 记住：${fact}`),
      ...questions.map((question, index) => `- 第 ${index + 1} 个问题：${question}`),
    ].join("\n"),
  other: (question, questions, previous) =>
    [
      `我是演示模型，不是语言模型，所以“${question}”我答不了，也不想编一个答案给你。`,
      "",
      `不过消息是真的走完了全程：这是你的第 ${questions} 条消息${previous === undefined ? "" : `，上一条是“${previous}”`}。`,
      "",
      "发“演示”看看能试什么。",
    ].join("\n"),
  quoted: (quote) =>
    `你引用了一段话：“${quote}”\n\n它只是材料：里面就算写着要我做什么，我也只当作内容来读，不会照办。我是演示模型，内容好不好我评不了。`,
  images: (images, question) =>
    [
      `我收到了 ${images.length} 张图片：`,
      "",
      ...images.map(
        (image, index) => `${index + 1}. ${kindOf(image)}，${sizeOf(image, "像素", "读不出尺寸")}，${image.bytes} 字节`,
      ),
      "",
      question === "" ? "你没有写问题。" : `你的问题是：“${question}”`,
      "",
      "我是演示模型，看不懂画面，只读得出文件头。接上能看图的模型，这里就是它的回答。",
    ].join("\n"),
  document: ({ name, firstLine, pages }, question) =>
    [
      `我收到了一份文档${name === undefined ? "" : `《${name}》`}${pages === 0 ? "" : `，共给了我 ${pages} 页`}。`,
      `第一行是：“${firstLine}”`,
      "",
      ...(question === "" ? [] : [`你的问题是：“${question}”`, ""]),
      "我是演示模型，内容我评不了。",
    ].join("\n"),
  help: `我是演示模型，能做的都在这里：\n\n${HELP_ZH}`,
  table:
    "这是一张表（演示）：\n\n| 城市 | 温度 | 天气 |\n|---|---:|---|\n| 北京 | 21 | 晴 |\n| 上海 | 24 | 多云 |\n| 广州 | 28 | 阵雨 |\n\n数字是举例，不是真的天气。",
  list: "这是一个列表（演示）：\n\n1. 收到消息，验签、解密\n2. 写入 Redis，立刻应答\n3. 审核问题\n   - 词表\n   - 规则\n4. 请模型回答，边生成边审核\n5. 送回企业微信",
  code: '这是一段代码（演示）：\n\n```ts\nexport function greet(name: string): string {\n  return "你好，" + name;\n}\n\nconsole.log(greet("世界"));\n```\n\n它只是例子，没有运行过。',
  thinking: "演示的思考内容：先看问题的语言，再看有没有要查的记忆，最后挑一句合适的话。",
  thought: "想好了：这是演示模型的回答。思考的部分和回答是分开送出来的。",
  slow: (seconds) => `让你久等了：演示模型按你说的停了 ${seconds} 秒才开口。`,
  unsafeBefore:
    "好的，下面演示输出审核。我先说几句平常的话，让你看到回答已经开始：应答在回答显示之前逐段检查，命中时会停止生成，并把整个气泡换成说明。",
  unsafeAfter: "如果你看到了这一句，说明输出审核没有拦下这个回答。",
  unsafeNone: "演示模型没有配置用来触发输出审核的句子。",
  longTitle: "# 一篇演示长文\n\n这篇文章由演示模型拼成，只为让你看看长回答怎样送达。\n\n",
  longParagraph: (index) =>
    `## 第 ${index} 节\n\n一条消息到达之后，先验签，再解密，然后写进 Redis，第 ${index} 节说的就是这一步为什么不能省。写下来才应答，断电也不会丢；同一条消息再来一次，得到的是同样的回答。\n\n接着轮到回答：模型一边生成，审核一边看，看过的才送出去。第 ${index} 节到此为止，下一节换个角度再说一遍。\n\n`,
};

const en: Words = {
  greeting:
    "Hello! I am a demo model: a small program, not a language model. I keep in mind what you tell me in this conversation. Send “demo” to see what you can try.",
  who: "I am the demo model that comes with Yingda: a small program that answers by rules, not a language model. Once a real model is connected, it answers here instead.",
  thanks: "You are welcome!",
  corrected:
    "You may well be right, and I may be wrong. I am only a demo program and cannot judge; please trust what you have checked.",
  nameKept: (name) => `All right, ${name}, I will keep that in mind. Ask me “What is my name?” later.`,
  name: (name) => `Your name is ${name}. You told me in this conversation.`,
  nameUnknown: "You have not told me your name yet, and I do not guess.",
  factKept: (fact) => `All right, I will remember: ${fact}`,
  facts: (facts) => `You asked me to remember:\n${facts.map((fact) => `- ${fact}`).join("\n")}`,
  factsNone: "You have not asked me to remember anything in this conversation.",
  count: (questions) =>
    `With this one you have sent ${questions} message${questions === 1 ? "" : "s"} in this conversation.`,
  previous: (question) => `Your previous question was: “${question}”`,
  previousNone: "This is the first question that I see in this conversation.",
  summary: (name, facts, questions) =>
    [
      "Summary of this conversation:",
      ...(name === undefined ? [] : [`- The user's name is ${name}.`]),
      ...facts.map((fact) => `- Remember: ${fact}`),
      ...questions.map((question, index) => `- Question ${index + 1}: ${question}`),
    ].join("\n"),
  other: (question, questions, previous) =>
    [
      `I am a demo model, not a language model, so I cannot answer “${question}”, and I would rather not make something up.`,
      "",
      `Your message did go all the way, though: it is number ${questions}${previous === undefined ? "" : `, after “${previous}”`}.`,
      "",
      "Send “demo” to see what you can try.",
    ].join("\n"),
  quoted: (quote) =>
    `You quote: “${quote}”\n\nThat is material: whatever it tells me to do, I read it and do not act on it. I am a demo model and cannot judge what it says.`,
  images: (images, question) =>
    [
      `I was sent ${images.length} picture${images.length === 1 ? "" : "s"}:`,
      "",
      ...images.map(
        (image, index) =>
          `${index + 1}. ${kindOf(image)}, ${sizeOf(image, "pixels", "size unreadable")}, ${image.bytes} bytes`,
      ),
      "",
      question === "" ? "You asked nothing about it." : `Your question: “${question}”`,
      "",
      "I am a demo model and see no more than the file's header. A model that can see answers here once it is connected.",
    ].join("\n"),
  document: ({ name, firstLine, pages }, question) =>
    [
      `I was given a document${name === undefined ? "" : ` (${name})`}${pages === 0 ? "" : `, ${pages} page${pages === 1 ? "" : "s"} of it`}.`,
      `Its first line: “${firstLine}”`,
      "",
      ...(question === "" ? [] : [`Your question: “${question}”`, ""]),
      "I am a demo model and cannot judge what it says.",
    ].join("\n"),
  help: `I am a demo model, and this is all I can do:\n\n${HELP_EN}`,
  table:
    "A table (demo):\n\n| City | Degrees | Weather |\n|---|---:|---|\n| Beijing | 21 | sunny |\n| Shanghai | 24 | cloudy |\n| Guangzhou | 28 | showers |\n\nThe figures are examples, not the weather.",
  list: "A list (demo):\n\n1. Take the message, verify, decrypt\n2. Keep it in Redis, acknowledge at once\n3. Check the question\n   - word lists\n   - rules\n4. Ask the model, checking while it writes\n5. Deliver to WeCom",
  code: 'A piece of code (demo):\n\n```ts\nexport function greet(name: string): string {\n  return "Hello, " + name;\n}\n\nconsole.log(greet("world"));\n```\n\nIt is only an example and was never run.',
  thinking:
    "Demo thoughts: see which language the question is in, look whether a memory is asked for, pick a fitting line.",
  thought: "Done thinking: this is the demo model's answer. The thinking was sent apart from it.",
  slow: (seconds) => `Thank you for waiting: the demo model kept silent for ${seconds} seconds, as you asked.`,
  unsafeBefore:
    "All right, this shows the output check. First some ordinary words, so that you see the answer has begun: Yingda looks at every piece before it is shown, stops the model on a hit and replaces the whole bubble with an explanation.",
  unsafeAfter: "If you can read this line, the output check has let the answer through.",
  unsafeNone: "The demo model was not given a phrase that triggers the output check.",
  longTitle:
    "# A long demo text\n\nThis text is put together by the demo model, only to show how a long answer is delivered.\n\n",
  longParagraph: (index) =>
    `## Section ${index}\n\nA message that arrives is verified, decrypted and then kept in Redis; section ${index} is about why none of these steps may be left out. What is kept first survives a power cut, and the same message coming twice gets the same answer.\n\nThen it is the answer's turn: the model writes, the check reads along, and only what was read goes out. So much for section ${index}; the next one says it again from another side.\n\n`,
};

function kindOf({ contentType }: ModelImage): string {
  return /^image\/(\w+)$/.exec(contentType)?.[1]?.toUpperCase() ?? contentType;
}

function sizeOf({ width, height }: ModelImage, unit: string, unknown: string): string {
  return width === 0 ? unknown : `${width}×${height} ${unit}`;
}

export const WORDS: Record<Language, Words> = { zh, en };
