import { isObject, type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";

/**
 * What a card shows worse than it was meant, without being refused (wecom-protocol 7.2): texts beyond the length that their
 * place has room for, and fields that WeCom does not know, which it passes over without a word.
 */

/** Of one object: its known fields, and for texts the characters (字) that fit. */
type Fields = Readonly<Record<string, number | null>>;

const ACTION: Fields = { type: null, url: null, appid: null, pagepath: null };
const OPTIONS: Fields = { question_key: null, title: null, option_list: null, selected_id: null, disable: null };

const PARTS: Readonly<Record<string, Fields>> = {
  source: { icon_url: null, desc: 13, desc_color: null },
  action_menu: { desc: null, action_list: null },
  main_title: { title: 26, desc: 30 },
  emphasis_content: { title: 10, desc: 15 },
  quote_area: { ...ACTION, title: null, quote_text: null },
  horizontal_content_list: { keyname: 5, value: 26, type: null, url: null, media_id: null, userid: null },
  vertical_content_list: { title: 26, desc: 112 },
  jump_list: { ...ACTION, title: 13, question: null },
  card_action: ACTION,
  card_image: { url: null, aspect_ratio: null },
  image_text_area: { ...ACTION, title: null, desc: null, image_url: null },
  button_list: { text: 10, style: null, key: null, type: null, url: null },
  button_selection: OPTIONS,
  checkbox: { question_key: null, mode: null, option_list: null, disable: null },
  select_list: OPTIONS,
  submit_button: { text: 10, key: null },
  feedback: { id: null },
};
const COUNTS_MAX: Readonly<Record<string, number>> = {
  horizontal_content_list: 6,
  vertical_content_list: 4,
  jump_list: 3,
  select_list: 3,
};
const PLAIN: Fields = { card_type: null, task_id: null, sub_title_text: 112, replace_text: 10, enable_id_trans: null };

/** In words, without the card's own; empty for a card that is shown as it was meant. */
export function cardBreaches(card: JsonObject, { update }: { update: boolean }): string[] {
  const breaches: string[] = [];
  for (const [name, value] of Object.entries(card)) {
    const part = PARTS[name];
    if (part === undefined) {
      if (!(name in PLAIN)) breaches.push(`a card has no field ${cut(name)}`);
      else breaches.push(...tooLong(name, value, PLAIN[name] ?? null));
      continue;
    }
    const items = Array.isArray(value) ? value : [value];
    const countMax = COUNTS_MAX[name];
    if (countMax !== undefined && items.length > countMax) breaches.push(`${name} has at most ${countMax} entries`);
    for (const item of items) breaches.push(...ofPart(name, item, part));
  }
  if (!update && "replace_text" in card) breaches.push("replace_text belongs into an update only");
  for (const jump of listOr(card.jump_list).map(objectOr)) {
    if (jump.type === 3) breaches.push(...questionBreaches(stringOr(jump.question)));
    if (jump.type === 1 && !/^https?:\/\//.test(stringOr(jump.url)))
      breaches.push("jump_list has a link without a URL");
  }
  return breaches;
}

/** UTF-8 bytes of a question that a card asks. */
const QUESTION_BYTES_MAX = 200;

function questionBreaches(question: string): string[] {
  if (question === "") return ["jump_list asks nothing"];
  return utf8Bytes(question) > QUESTION_BYTES_MAX
    ? [`jump_list.question has more than ${QUESTION_BYTES_MAX} bytes`]
    : [];
}

function ofPart(name: string, item: unknown, fields: Fields): string[] {
  if (!isObject(item)) return [`${name} is no object`];
  return Object.entries(item).flatMap(([field, value]) => {
    if (!(field in fields)) return [`${name} has no field ${cut(field)}`];
    return tooLong(`${name}.${field}`, value, fields[field] ?? null);
  });
}

function tooLong(name: string, value: unknown, charactersMax: number | null): string[] {
  if (charactersMax === null) return [];
  if (typeof value !== "string") return [`${name} is no text`];
  const { length } = Array.from(value);
  return length > charactersMax ? [`${name} has ${length} characters, ${charactersMax} are shown`] : [];
}

function cut(name: string): string {
  return name.slice(0, 40);
}
