import { YingdaError } from "../base/errors.ts";
import { cleanTextHard } from "./clean-text.ts";

/**
 * A card with buttons that call back (`button_interaction`, wecom-protocol 7.1). Texts that are too long for their place are
 * cut; the lengths are the AI bot's, the smaller ones, so that one card serves both channels (7.2).
 */
export interface ButtonCard {
  /** Unique for the app; at most 128 of `[0-9A-Za-z_-@]`. Comes back with every click, and an update carries the same. */
  taskId: string;
  /** Whose card it is, above the title. */
  source: { text: string; colour: "grey" | "black" | "red" | "green" };
  title: string;
  subtitle: string;
  /** The body, as plain text. */
  text: string;
  /** At most 6. With a `userId` the value is a member's name that can be tapped. */
  facts: readonly { name: string; value: string; userId?: string }[];
  /** At most 3. */
  links: readonly { title: string; url: string }[];
  /** 1 to 6, keys unique and at most 1024 bytes. */
  buttons: readonly CardButton[];
  /** Of an update only: stands in place of the buttons, and cannot be pressed. */
  replaceText?: string;
}

export interface CardButton {
  text: string;
  key: string;
  /** WeCom's looks: 1 filled, 2 to 4 lighter. */
  style: 1 | 2 | 3 | 4;
}

/** In characters (字), see wecom-protocol 7.2. */
export const CARD_LENGTHS = {
  source: 13,
  title: 26,
  subtitle: 30,
  text: 112,
  factName: 5,
  factValue: 26,
  linkTitle: 13,
  button: 10,
} as const;

const COLOURS = { grey: 0, black: 1, red: 2, green: 3 } as const;
/** How many of a kind one card has, and bytes of a button's key (wecom-protocol 7.2). */
export const CARD_COUNTS = { facts: 6, links: 3, buttons: 6 } as const;
export const CARD_KEY_BYTES_MAX = 1024;
const TASK_ID_SHAPE = /^[0-9A-Za-z_\-@]{1,128}$/;

/** The object under `template_card`. @throws YingdaError `internal` for a card that WeCom would not take. */
export function templateCard(card: ButtonCard): Record<string, unknown> {
  check(card);
  const { source, replaceText } = card;
  return {
    card_type: "button_interaction",
    source: { desc: fit(source.text, CARD_LENGTHS.source), desc_color: COLOURS[source.colour] },
    main_title: { title: fit(card.title, CARD_LENGTHS.title), desc: fit(card.subtitle, CARD_LENGTHS.subtitle) },
    sub_title_text: fit(card.text, CARD_LENGTHS.text),
    horizontal_content_list: card.facts.map(({ name, value, userId }) => ({
      keyname: fit(name, CARD_LENGTHS.factName),
      value: fit(value, CARD_LENGTHS.factValue),
      ...(userId === undefined ? {} : { type: 3, userid: userId }),
    })),
    jump_list: card.links.map(({ title, url }) => ({ type: 1, title: fit(title, CARD_LENGTHS.linkTitle), url })),
    button_list: card.buttons.map(({ text, style, key }) => ({ text: fit(text, CARD_LENGTHS.button), style, key })),
    ...(replaceText === undefined ? {} : { replace_text: fit(replaceText, CARD_LENGTHS.button) }),
    task_id: card.taskId,
  };
}

/** Would turn the order of the words around them, and so what a reviewer believes to read. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/** On one line, and cut to so many characters with a mark; a character is never torn. */
export function fit(text: string, charactersMax: number): string {
  // Far more units than can be shown: what somebody wrote may be long, and is not taken apart as a whole.
  const beginning = cleanTextHard(text.slice(0, charactersMax * 8));
  const characters = Array.from(beginning.replace(TURNING, "").replace(/\s+/g, " ").trim());
  if (characters.length <= charactersMax) return characters.join("");
  return `${characters.slice(0, charactersMax - 1).join("")}…`;
}

function check({ taskId, buttons, facts, links, title }: ButtonCard): void {
  const keys = buttons.map(({ key }) => key);
  const fine =
    TASK_ID_SHAPE.test(taskId) &&
    title.trim() !== "" &&
    facts.length <= CARD_COUNTS.facts &&
    links.length <= CARD_COUNTS.links &&
    buttons.length >= 1 &&
    buttons.length <= CARD_COUNTS.buttons &&
    keys.every((key) => key !== "" && Buffer.byteLength(key) <= CARD_KEY_BYTES_MAX) &&
    new Set(keys).size === keys.length;
  if (fine) return;
  throw new YingdaError(
    "internal",
    "the card has a task id, title, button or number of parts that WeCom does not take",
  );
}
