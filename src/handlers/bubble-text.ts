import { type Language, TEXTS } from "../conversation/texts.ts";
import { STREAM_BYTES_MAX } from "../wecom/payloads.ts";
import { cutBytes } from "../wecom/text-split.ts";

/** Bytes kept free in a part for the sentence that says how it goes on, and for a few invisible marks. */
export const NOTICE_BYTES = 160;
/** UTF-8 bytes of an answer that one bubble holds beside such a sentence. */
export const BUBBLE_TEXT_BYTES_MAX = STREAM_BYTES_MAX - NOTICE_BYTES;

/** What a growing bubble can show of a text. */
export function fittedBubble(text: string): string {
  return cutBytes(text, BUBBLE_TEXT_BYTES_MAX);
}

/** What a bubble ends with whose life is over before the answer is. */
export function lateBubble(shown: string, language: Language): string {
  const notice = TEXTS[language].laterAsNewMessage;
  return shown === "" ? notice : `${fittedBubble(shown)}\n\n${notice}`;
}
