import { YingdaError } from "../src/base/errors.ts";
import { cardText } from "./cards.ts";
import type { ChatCard, ChatMessage } from "./chat-types.ts";
import { type JsonObject, listOr, objectOr, stringOr } from "./values.ts";
import type { WeComPlatform } from "./wecom-platform.ts";

const COLOURS = ["grey", "black", "red", "green"] as const;

/** A card as the client draws it; its clients show no other kinds with buttons than this one, the rest is text. */
export function chatCard(card: JsonObject, { alone }: { alone: boolean }): ChatCard {
  const source = objectOr(card.source);
  const title = objectOr(card.main_title);
  const colour = typeof source.desc_color === "number" ? COLOURS[source.desc_color] : undefined;
  return {
    alone,
    source: { text: stringOr(source.desc), colour: colour ?? "grey" },
    title: stringOr(title.title),
    subtitle: stringOr(title.desc),
    text: stringOr(card.sub_title_text),
    facts: listOr(card.horizontal_content_list)
      .map(objectOr)
      .map((fact) => ({ name: stringOr(fact.keyname), value: stringOr(fact.value) })),
    links: listOr(card.jump_list)
      .map(objectOr)
      .filter((jump) => jump.type === 1)
      .map((jump) => ({ title: stringOr(jump.title), url: stringOr(jump.url) })),
    questions: listOr(card.jump_list)
      .map(objectOr)
      .filter((jump) => jump.type === 3)
      .map((jump) => ({ title: stringOr(jump.title), question: stringOr(jump.question) })),
    buttons: listOr(card.button_list)
      .map(objectOr)
      .map((button) => ({
        text: stringOr(button.text),
        key: stringOr(button.key),
        style: typeof button.style === "number" ? button.style : 1,
      })),
  };
}

/** The words beside a card and the card: what lists, quotes and screen readers say of a message. */
export function wordsAndCard(content: string, card: JsonObject | undefined): { text: string; card?: ChatCard } {
  if (card === undefined) return { text: content };
  const alone = content === "";
  return { text: alone ? cardText(card) : content, card: chatCard(card, { alone }) };
}

/** A member presses a button of `message`, which the platform knows as `messageId`. Throws `bad_request` for one that the member does not see, or that cannot be pressed. */
export function pressCard(
  platform: WeComPlatform,
  message: ChatMessage | undefined,
  click: { userId: string; key: string; messageId: string },
): void {
  if (message?.card === undefined) throw new YingdaError("bad_request", "This member has no such card.");
  if (click.key === "" || !message.card.buttons.some(({ key }) => key === click.key)) {
    throw new YingdaError("bad_request", "The card has no such button, or no longer.");
  }
  if (message.from.kind === "app") platform.clickAppCard(click);
  else platform.clickBotCard(click);
}
