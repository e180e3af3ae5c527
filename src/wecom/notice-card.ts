import { YingdaError } from "../base/errors.ts";
import { CARD_LENGTHS, fit } from "./template-card.ts";

/** A card of the AI bot that calls nothing back (`text_notice`, wecom-protocol 7.1). Texts too long for their place are cut. */
export interface NoticeCard {
  title: string;
  subtitle: string;
  text: string;
  /** At most 6. */
  facts: readonly { name: string; value: string }[];
  /** Opened by a tap on the card; WeCom takes no such card without it. */
  url: string;
  /** At most 3, of at most 200 bytes each. A tap sends the question as the member's own message (7.2). */
  questions: readonly { title: string; question: string }[];
}

const FACTS_MAX = 6;
const QUESTIONS_MAX = 3;
const QUESTION_BYTES_MAX = 200;

/** The object under `template_card`. @throws YingdaError `internal` for a card that WeCom would not take. */
export function noticeCard(card: NoticeCard): Record<string, unknown> {
  const { title, subtitle, text, facts, url, questions } = card;
  const fine =
    title.trim() !== "" &&
    /^https?:\/\//.test(url) &&
    facts.length <= FACTS_MAX &&
    questions.length <= QUESTIONS_MAX &&
    questions.every(({ question }) => question !== "" && Buffer.byteLength(question) <= QUESTION_BYTES_MAX);
  if (!fine)
    throw new YingdaError("internal", "the card has a title, address or number of parts that WeCom does not take");
  return {
    card_type: "text_notice",
    main_title: { title: fit(title, CARD_LENGTHS.title), desc: fit(subtitle, CARD_LENGTHS.subtitle) },
    sub_title_text: fit(text, CARD_LENGTHS.text),
    horizontal_content_list: facts.map(({ name, value }) => ({
      keyname: fit(name, CARD_LENGTHS.factName),
      value: fit(value, CARD_LENGTHS.factValue),
    })),
    jump_list: questions.map(({ title: name, question }) => ({
      type: 3,
      title: fit(name, CARD_LENGTHS.linkTitle),
      question,
    })),
    card_action: { type: 1, url },
  };
}
