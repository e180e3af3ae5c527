import type { ErrorCode } from "../base/errors.ts";
import type { BotFacts } from "./greeting.ts";
import type { UnreadReason } from "./material.ts";

export type Language = "zh" | "en";

export interface WelcomeWords {
  title: string;
  subtitle: string;
  text: string;
  facts: { name: string; value: string }[];
}

/** Everything the bot says in its own name, in one place. */
export interface Texts {
  /** What it does, what is recorded and who can see it, how to start over: a line each. */
  greeting(facts: BotFacts): string;
  help(facts: BotFacts): string;
  forgotten: string;
  stopped: string;
  stoppedMark: string;
  nothingToStop: string;
  nothingToRetry: string;
  nothingToAppeal: string;
  appealed(caseNumber: string): string;
  /** For a thumb, in one line. */
  thanksFor(verdict: "accurate" | "inaccurate"): string;
  nothingToRate: string;
  emptyMessage: string;
  /** One sentence for each thing that could not be read. */
  unread(kind: string, why: UnreadReason): string;
  /** For the model: a message of files or pictures without a word. */
  onlyMaterial: string;
  busy: string;
  /** While the model has no place for this message yet; `position` 1 is the next. */
  waiting(position: number): string;
  tooLong: string;
  laterAsNewMessage: string;
  continued: string;
  cutAtLimit: string;
  /** Stands in an answer's text for a picture that comes with it. */
  picture(alt: string): string;
  picturesTooLate: string;
  answerEndedEarly: string;
  /** Ends the bubble of a message that is answered together with the next one. */
  answeredBelow: string;
  /** The tokens of the day are used up; `resetAt` says when the next ones come. */
  budgetSpent(by: "member" | "department", resetAt: string): string;
  streamUnknown: string;
  /** What reviewers say in the bot's name. */
  warning(caseNumber: string, text: string): string;
  lateAnswer(caseNumber: string, text: string): string;
  recalled(caseNumber: string): string;
  /** The outcome of an appeal. */
  appealAccepted(caseNumber: string): string;
  appealRejected(caseNumber: string): string;
  failed(code: ErrorCode): string;
}

function recordsZh({ rawDays, maskedDays }: BotFacts): string {
  return `对话会留存：原文 ${rawDays} 天，遮盖个人信息的版本 ${maskedDays} 天；被标记的对话及其前后文，审核员可以查看。`;
}

function askZh({ contact }: BotFacts): string {
  return contact === null ? "" : `有疑问请联系：${contact}。`;
}

function recordsEn({ rawDays, maskedDays }: BotFacts): string {
  return `Conversations are recorded: as written for ${rawDays} days, with personal data masked for ${maskedDays} days; reviewers can see flagged ones and what stands around them.`;
}

function askEn({ contact }: BotFacts): string {
  return contact === null ? "" : ` Questions: ${contact}.`;
}

const zh: Texts = {
  greeting: (facts) =>
    [
      `你好，我是${facts.botName}，AI 助手：直接提问，我会结合前文回答；回答由 AI 生成，重要信息请核实。`,
      `${recordsZh(facts)}${askZh(facts)}`,
      "发送“新对话”从头开始，“帮助”查看全部命令。",
      "English: just ask in English; send /help for what is recorded and how to start over.",
    ].join("\n"),
  help: (facts) =>
    [
      "直接发消息提问，我会结合前文回答；在群里请 @我。",
      "/new（新对话）：忘掉之前的内容，重新开始",
      "/stop（停止）：停下正在写的回答",
      "/retry（重试）：把上一个问题再答一遍",
      "/appeal（申诉）：请管理员复核上一次拒绝",
      "👍 / 👎：评价上一条回答，后面可以写原因",
      "/help（帮助）：显示这段说明",
      `${recordsZh(facts)}${askZh(facts)}`,
      "回答由 AI 生成，可能有错，重要信息请核实。",
    ].join("\n"),
  forgotten: "好的，之前的内容我已经忘掉，我们重新开始吧。",
  stopped: "好的，已停止。",
  stoppedMark: "（已按你的要求停止）",
  nothingToStop: "现在没有正在写的回答。",
  nothingToRetry: "还没有可以重试的问题，请直接提问。",
  nothingToAppeal: "最近没有被拒绝的请求，不需要申诉。",
  appealed: (caseNumber) => `已提交申诉（编号 ${caseNumber}），管理员会复核。感谢反馈。`,
  thanksFor: (verdict) => (verdict === "accurate" ? "谢谢，很高兴帮到了你。" : "谢谢反馈，已经记下，我们会改进。"),
  nothingToRate: "还没有可以评价的回答，请先提问。",
  emptyMessage: "我没有收到文字内容，请把问题写给我。",
  unread: (kind, why) => UNREAD_ZH[why](KIND_NAMES.zh[kind] ?? "内容"),
  onlyMaterial: "对方只发来了材料，没有写问题：先简短说明内容，再问需要做什么",
  busy: "你的消息有点多，我还在处理前面的，请稍后再发这一条。",
  waiting: (position) =>
    position <= 1
      ? "现在提问的人比较多，马上轮到这一条……"
      : `现在提问的人比较多，正在排队，前面还有 ${position - 1} 条……`,
  tooLong: "这条消息太长了，我一次读不完。请拆短一些，或只发需要我看的部分。",
  laterAsNewMessage: "（回答还没写完，写好后会作为新消息发给你）",
  continued: "（未完，见下一条消息）",
  cutAtLimit: "（回答超过了企业微信单次可发送的长度，到此为止；可以让我继续）",
  picture: (alt) => (alt === "" ? "[图片]" : `[图片：${alt}]`),
  picturesTooLate: "（图片没能发出：回答得太晚了）",
  answerEndedEarly: "（回答到达长度上限，到此为止；可以让我继续）",
  answeredBelow: "（和你的下一条消息一起回答，见下方）",
  budgetSpent: (by, resetAt) =>
    `${by === "member" ? "你今天" : "你所在的部门今天"}的用量已经用完，${resetAt} 恢复。到时发送“重试”，我会回答这一条。`,
  streamUnknown: "抱歉，这条回答已经找不到了，请重新提问。",
  warning: (caseNumber, text) => `管理员提醒（编号 ${caseNumber}）：\n${text}`,
  lateAnswer: (caseNumber, text) => `关于你之前的问题（编号 ${caseNumber}）：\n${text}`,
  appealAccepted: (caseNumber) =>
    `你的申诉（编号 ${caseNumber}）已复核：之前的拒绝有误，抱歉给你带来不便。可以再问一次。`,
  appealRejected: (caseNumber) => `你的申诉（编号 ${caseNumber}）已由另一位同事复核：维持原来的处理。`,
  recalled: (caseNumber) => `刚才的一条回答已由管理员撤回（编号 ${caseNumber}）。`,
  failed: (code) => `${FAILED_ZH[code] ?? "抱歉，出了点问题，这条消息没能回答。"}请稍后再试，或发送“重试”。`,
};

const UNREAD_ZH: Record<UnreadReason, (kind: string) => string> = {
  cannot_see: () => "当前的模型看不了图片，请用文字描述一下。",
  cannot_hear: () => "我还听不了语音，请改发文字，或用“转文字”后再发。",
  cannot_watch: () => "我看不了视频，请用文字说明，或发截图给我。",
  too_large: (kind) => `这个${kind}太大了，我读不了，请压缩或拆小后再发。`,
  too_many: (kind) => `一次发来的${kind}太多，后面的我没有看，请分几次发。`,
  gone: (kind) => `这个${kind}已经过期取不到了，请再发一次。`,
  unknown_type: (kind) => `这种${kind}我读不了；可以发 PDF、Word、Excel、PPT、文本、Markdown 或 CSV。`,
  no_text: (kind) => `这个${kind}里没有可读的文字（可能是扫描件），请发文字版或截图。`,
  nothing_said: () => "这段语音里我没有听到话，请再说一遍，或改发文字。",
  damaged: (kind) => `这个${kind}打不开，可能已损坏或设了密码，请检查后再发。`,
  old_format: () => "这是旧版 Office 文件（.doc、.xls、.ppt），请另存为 .docx、.xlsx、.pptx 或 PDF 再发。",
  locked: (kind) => `这个${kind}设了密码，我打不开，请去掉密码后再发。`,
  failed: (kind) => `这个${kind}没有取到，请稍后再发一次。`,
};

const FAILED_ZH: Partial<Record<ErrorCode, string>> = {
  model_unreachable: "抱歉，暂时连不上模型服务，这条消息没能回答。",
  model_overloaded: "抱歉，现在提问的人太多，模型忙不过来，这条消息没能回答。",
  model_timeout: "抱歉，模型太久没有回应，这条消息没能回答。",
  model_cut_short: "抱歉，回答写到一半中断了，没有完成。",
  model_empty: "抱歉，模型没有给出内容。",
  model_refused_request: "抱歉，模型没有接受这条请求，可能是内容太长；发送“新对话”后再试通常有效。",
  turn_timeout: "抱歉，这条回答花的时间太长，没有完成。",
};

const en: Texts = {
  greeting: (facts) =>
    [
      `Hi, I am ${facts.botName}, an AI assistant: just ask, I answer with our conversation in mind. Answers are AI-generated; please verify what matters.`,
      `${recordsEn(facts)}${askEn(facts)}`,
      "Send /new to start over and /help for all commands.",
    ].join("\n"),
  help: (facts) =>
    [
      "Send a message and I answer with our conversation in mind; in a group, @mention me.",
      "/new: forget this conversation and start over",
      "/stop: stop the answer being written",
      "/retry: answer the last question again",
      "/appeal: ask an admin to look at the last refusal",
      "👍 / 👎: rate the last answer; a reason may follow",
      "/help: show this text",
      `${recordsEn(facts)}${askEn(facts)}`,
      "Answers are AI-generated and can be wrong; please verify what matters.",
    ].join("\n"),
  forgotten: "Done, I have forgotten our conversation. Let us start over.",
  stopped: "OK, stopped.",
  stoppedMark: "(stopped as you asked)",
  nothingToStop: "No answer is being written right now.",
  nothingToRetry: "There is no question to answer again yet; just ask one.",
  nothingToAppeal: "Nothing was refused lately, so there is nothing to appeal.",
  appealed: (caseNumber) => `Your appeal is in (case ${caseNumber}); an admin will look at it. Thank you.`,
  thanksFor: (verdict) =>
    verdict === "accurate" ? "Thank you, glad it helped." : "Thank you, it is noted and helps us to do better.",
  nothingToRate: "There is no answer to rate yet; just ask.",
  emptyMessage: "I received no text. Please write me your question.",
  unread: (kind, why) => UNREAD_EN[why](ONE_OF_KIND_EN[kind] ?? "thing"),
  onlyMaterial: "only material came, without a question: say briefly what it is, then ask what is wanted",
  busy: "You have sent a lot and I am still working on it. Please send this one again in a moment.",
  waiting: (position) =>
    position <= 1
      ? "Many people are asking right now; this one is next…"
      : `Many people are asking right now; ${position - 1} ahead of this one…`,
  tooLong: "This message is too long for me to read at once. Please shorten it or send only the part that matters.",
  laterAsNewMessage: "(not finished yet; the answer will come as a new message)",
  continued: "(continued in the next message)",
  cutAtLimit: "(the answer exceeded what WeCom can deliver and ends here; you can ask me to go on)",
  picture: (alt) => (alt === "" ? "[picture]" : `[picture: ${alt}]`),
  picturesTooLate: "(the pictures came too late to be sent)",
  answerEndedEarly: "(the answer reached its length limit and ends here; you can ask me to go on)",
  answeredBelow: "(answered together with your next message, see below)",
  budgetSpent: (by, resetAt) =>
    `${by === "member" ? "Your" : "Your department's"} allowance for today is used up; it is back at ${resetAt} (China time). Send /retry then and I will answer this one.`,
  streamUnknown: "Sorry, this answer can no longer be found. Please ask again.",
  warning: (caseNumber, text) => `A note from an admin (case ${caseNumber}):\n${text}`,
  lateAnswer: (caseNumber, text) => `About your earlier question (case ${caseNumber}):\n${text}`,
  appealAccepted: (caseNumber) =>
    `Your appeal (case ${caseNumber}) was reviewed: the refusal was a mistake, sorry for that. Please ask again.`,
  appealRejected: (caseNumber) =>
    `Your appeal (case ${caseNumber}) was reviewed by another colleague: the decision stands.`,
  recalled: (caseNumber) => `An admin has taken back one of the last answers (case ${caseNumber}).`,
  failed: (code) =>
    `${FAILED_EN[code] ?? "Sorry, something went wrong and this message was not answered."} Please try again later, or send /retry.`,
};

const UNREAD_EN: Record<UnreadReason, (kind: string) => string> = {
  cannot_see: () => "The current model cannot see pictures; please describe it in words.",
  cannot_hear: () => "I cannot listen to voice messages yet; please send text.",
  cannot_watch: () => "I cannot watch videos; please describe it or send a screenshot.",
  too_large: (kind) => `This ${kind} is too large for me to read; please make it smaller or split it.`,
  too_many: (kind) =>
    `There was more than one ${kind} too many at once and I did not look at the rest; please send them in parts.`,
  gone: (kind) => `This ${kind} has expired and can no longer be fetched; please send it again.`,
  unknown_type: (kind) =>
    `I cannot read this kind of ${kind}; PDF, Word, Excel, PowerPoint, text, Markdown and CSV work.`,
  no_text: (kind) =>
    `There is no readable text in this ${kind} (a scan, perhaps); please send it as text or a screenshot.`,
  nothing_said: () => "I heard no words in this recording; please say it again or send text.",
  damaged: (kind) => `This ${kind} cannot be opened; it may be damaged or have a password.`,
  old_format: () => "This is an old Office file (.doc, .xls, .ppt); please save it as .docx, .xlsx, .pptx or PDF.",
  locked: (kind) => `This ${kind} has a password and I cannot open it; please send it without one.`,
  failed: (kind) => `This ${kind} could not be fetched; please send it again in a moment.`,
};

const ONE_OF_KIND_EN: Record<string, string> = {
  image: "picture",
  voice: "voice message",
  video: "video",
  file: "file",
  location: "location",
  link: "link",
};

const FAILED_EN: Partial<Record<ErrorCode, string>> = {
  model_unreachable: "Sorry, the model service cannot be reached; this message was not answered.",
  model_overloaded: "Sorry, too many people are asking right now; this message was not answered.",
  model_timeout: "Sorry, the model did not respond in time; this message was not answered.",
  model_cut_short: "Sorry, the answer was interrupted and is not complete.",
  model_empty: "Sorry, the model gave no content.",
  model_refused_request:
    "Sorry, the model did not accept this request, perhaps because it is too long; /new often helps.",
  turn_timeout: "Sorry, this answer took too long and was not finished.",
};

export const TEXTS: Record<Language, Texts> = { zh, en };

/** The greeting on a card, for somebody whose language nobody knows yet. Each text fits its place there (wecom-protocol 7.2). */
export function welcomeWords({ botName, rawDays, maskedDays, contact }: BotFacts): WelcomeWords {
  return {
    title: `你好，我是${botName}`,
    subtitle: "回答由 AI 生成，重要信息请核实",
    text: "点卡片可查看使用说明。English: just ask in English, or send /help.",
    facts: [
      { name: "用法", value: "直接提问，我会结合前文回答" },
      { name: "留存", value: `原文 ${rawDays} 天，遮盖个人信息后 ${maskedDays} 天` },
      { name: "谁能看", value: "审核员可看被标记的对话及前后文" },
      { name: "重新开始", value: "发“新对话”；发“帮助”看命令" },
      ...(contact === null ? [] : [{ name: "有疑问", value: contact }]),
    ],
  };
}

const KIND_NAMES: Record<Language, Record<string, string>> = {
  zh: { image: "图片", voice: "语音", video: "视频", file: "文件", location: "位置", link: "链接" },
  en: {
    image: "pictures",
    voice: "voice messages",
    video: "videos",
    file: "files",
    location: "locations",
    link: "links",
  },
};

/** Names of attachment kinds, each once, in a person's words. */
export function kindNames(kinds: string[], language: Language): string[] {
  return [...new Set(kinds)].map((kind) => KIND_NAMES[language][kind] ?? kind);
}

/** Chinese unless the text has Latin letters and no Han: our members are Chinese first. */
export function languageOf(text: string): Language {
  return !/\p{Script=Han}/u.test(text) && /\p{Script=Latin}{2}/u.test(text) ? "en" : "zh";
}
