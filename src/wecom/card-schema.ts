import { z } from "zod";
import { cleanTextHard } from "./clean-text.ts";
import { CARD_COUNTS, CARD_KEY_BYTES_MAX, CARD_LENGTHS } from "./template-card.ts";

/**
 * Cards as other systems write them, in WeCom's own form (wecom-protocol 7): `text_notice` and `button_interaction`. A text
 * that is longer than its place is refused instead of cut, so that who wrote it learns of it; the lengths are the smaller
 * ones of both channels (7.2). `task_id` is not theirs to choose: it could be that of a card whose buttons decide something.
 */

const URL_UNITS_MAX = 1024;
/** No length is stated for these. */
const QUOTE_CHARACTERS_MAX = 112;
const EMPHASIS = { title: 10, desc: 15 };

const words = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax * 8, { abort: true })
    .transform((value) => cleanTextHard(value).trim())
    .refine((value) => value !== "", "is blank")
    .refine((value) => Array.from(value).length <= charactersMax, `has more than ${charactersMax} characters`);
const link = z
  .string()
  .max(URL_UNITS_MAX)
  .regex(/^https?:\/\/[^\s"<>\\]+$/, "is no address with http or https");

const source = z.strictObject({
  icon_url: link.exactOptional(),
  desc: words(CARD_LENGTHS.source).exactOptional(),
  desc_color: z.int().min(0).max(3).exactOptional(),
});
const quote = z.strictObject({
  type: z.literal([0, 1]).exactOptional(),
  url: link.exactOptional(),
  title: words(QUOTE_CHARACTERS_MAX).exactOptional(),
  quote_text: words(QUOTE_CHARACTERS_MAX).exactOptional(),
});
const fact = z
  .strictObject({
    keyname: words(CARD_LENGTHS.factName),
    value: words(CARD_LENGTHS.factValue).exactOptional(),
    type: z.literal([0, 1, 3]).exactOptional(),
    url: link.exactOptional(),
    userid: z.string().min(1).max(64).exactOptional(),
  })
  .refine(({ type, url }) => type !== 1 || url !== undefined, "needs a url with type 1")
  .refine(({ type, userid }) => type !== 3 || userid !== undefined, "needs a userid with type 3");
const jump = z.strictObject({ type: z.literal(1), title: words(CARD_LENGTHS.linkTitle), url: link });
const action = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal(1), url: link }),
  z.strictObject({
    type: z.literal(2),
    appid: z.string().min(1).max(128),
    pagepath: z.string().max(URL_UNITS_MAX).exactOptional(),
  }),
]);
const button = z
  .strictObject({
    text: words(CARD_LENGTHS.button),
    style: z.int().min(1).max(4).exactOptional(),
    /** 1 opens `url` and calls nobody back. */
    type: z.literal([0, 1]).exactOptional(),
    key: z
      .string()
      .min(1)
      .refine((key) => Buffer.byteLength(key) <= CARD_KEY_BYTES_MAX, `has more than ${CARD_KEY_BYTES_MAX} bytes`)
      .exactOptional(),
    url: link.exactOptional(),
  })
  .refine(({ type, url }) => type !== 1 || url !== undefined, "needs a url with type 1")
  .refine(({ type, key }) => type === 1 || key !== undefined, "needs a key");

const common = {
  source: source.exactOptional(),
  quote_area: quote.exactOptional(),
  sub_title_text: words(CARD_LENGTHS.text).exactOptional(),
  horizontal_content_list: z.array(fact).max(CARD_COUNTS.facts).exactOptional(),
  jump_list: z.array(jump).max(CARD_COUNTS.links).exactOptional(),
};
const title = { title: words(CARD_LENGTHS.title), desc: words(CARD_LENGTHS.subtitle).exactOptional() };

export const givenCard = z.discriminatedUnion("card_type", [
  z
    .strictObject({
      card_type: z.literal("text_notice"),
      main_title: z.strictObject({ ...title, title: title.title.exactOptional() }).exactOptional(),
      emphasis_content: z
        .strictObject({ title: words(EMPHASIS.title).exactOptional(), desc: words(EMPHASIS.desc).exactOptional() })
        .exactOptional(),
      ...common,
      card_action: action,
    })
    .refine(
      (card) => card.main_title?.title !== undefined || card.sub_title_text !== undefined,
      "needs main_title.title or sub_title_text",
    ),
  z.strictObject({
    card_type: z.literal("button_interaction"),
    main_title: z.strictObject(title),
    ...common,
    card_action: action.exactOptional(),
    button_list: z
      .array(button)
      .min(1)
      .max(CARD_COUNTS.buttons)
      .refine((buttons) => {
        const keys = buttons.flatMap(({ key }) => key ?? []);
        return new Set(keys).size === keys.length;
      }, "gives two buttons the same key"),
  }),
]);

/** A card that WeCom shows as it was meant. */
export type GivenCard = z.output<typeof givenCard>;
