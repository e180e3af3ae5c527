import { isObject, type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";

const CARD_TYPES = ["text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction"];
const TASK_ID = /^[0-9A-Za-z_\-@]+$/;
const TASK_ID_BYTES_MAX = 128;
const KEY_BYTES_MAX = 1_024;
const BUTTONS_MAX = 6;

/** What is wrong with a template card (wecom-protocol 7.1, 7.2), in words without its text; `undefined` when nothing is. */
export function cardFault(card: unknown): string | undefined {
  if (!isObject(card)) return "template_card is missing";
  const type = stringOr(card.card_type);
  if (!CARD_TYPES.includes(type)) return "card_type is unknown";
  if (type === "text_notice" || type === "news_notice") {
    if (!isObject(card.card_action)) return `${type} needs card_action`;
    if (!hasTitle(card) && stringOr(card.sub_title_text) === "") return `${type} needs a title`;
    return isObject(card.action_menu) ? taskIdFault(card) : undefined;
  }
  if (!hasTitle(card)) return `${type} needs main_title`;
  if (type === "button_interaction") return buttonsFault(card) ?? taskIdFault(card);
  if (!isObject(card.submit_button)) return `${type} needs submit_button`;
  const choices = type === "vote_interaction" ? card.checkbox : card.select_list;
  if (choices === undefined) return `${type} has nothing to choose from`;
  return taskIdFault(card);
}

/** A card's words as a line or a few, for the inbox and the chat page. */
export function cardText(card: JsonObject): string {
  const title = objectOr(card.main_title);
  const facts = listOr(card.horizontal_content_list)
    .map(objectOr)
    .map((fact) => `${stringOr(fact.keyname)}: ${stringOr(fact.value)}`);
  const buttons = listOr(card.button_list).map((button) => `[${stringOr(objectOr(button).text)}]`);
  const lines = [
    stringOr(title.title),
    stringOr(title.desc),
    stringOr(card.sub_title_text),
    ...facts,
    buttons.join(" "),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

/** The same card with its buttons greyed out under one text, as the client shows it after `replace_name`. */
export function withButtonsReplaced(card: JsonObject, replaceName: string): JsonObject {
  return { ...card, button_list: [{ text: replaceName, style: 1, key: "" }] };
}

function hasTitle(card: JsonObject): boolean {
  return stringOr(objectOr(card.main_title).title) !== "";
}

function taskIdFault(card: JsonObject): string | undefined {
  const taskId = stringOr(card.task_id);
  return TASK_ID.test(taskId) && utf8Bytes(taskId) <= TASK_ID_BYTES_MAX ? undefined : "task_id is missing or malformed";
}

function buttonsFault(card: JsonObject): string | undefined {
  const buttons = listOr(card.button_list).map(objectOr);
  if (buttons.length < 1 || buttons.length > BUTTONS_MAX) return `button_list has 1 to ${BUTTONS_MAX} buttons`;
  const keys = buttons.filter((button) => button.type !== 1).map((button) => stringOr(button.key));
  if (keys.some((key) => key === "" || utf8Bytes(key) > KEY_BYTES_MAX)) return "a button's key is missing or too long";
  return new Set(keys).size === keys.length ? undefined : "two buttons have the same key";
}
