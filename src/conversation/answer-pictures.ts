import { createHash } from "node:crypto";
import { abortAfter, type Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChatEvent } from "../llm/chat-model.ts";
import { prepareImage } from "../media/image.ts";
import type { AnswerPicture } from "../session/snapshots.ts";
import type { MediaDesk } from "./material.ts";
import { PICTURES_MAX, type PictureLift } from "./picture-lift.ts";
import { mustLeave } from "./turn-errors.ts";

/** Units of an answer's text beside its pictures: a server that ignores `max_tokens` must not fill memory, journal and chat. */
const TEXT_UNITS_MAX = 256 * 1024;
/** Of one picture and of all of one answer: they lie in the journal and in the bubble's snapshot, and go out in a poll's reply. */
const PICTURE_BYTES_MAX = 512 * 1024;
const ALL_BYTES_MAX = 1536 * 1024;
/** Of a picture before it is made smaller. */
const FETCHED_BYTES_MAX = 10 * 1024 * 1024;
/** For all pictures of an answer together: the answer is complete, and its reader waits. */
const PICTURES_MS_MAX = 20_000;

/** The model's answer without the pictures in it, which `lift` keeps. Leaving the loop closes the upstream request. */
export async function* withoutPictures(
  events: AsyncIterable<ChatEvent>,
  lift: PictureLift,
): AsyncGenerator<ChatEvent, void, undefined> {
  let units = 0;
  const textEvents = (text: string): ChatEvent[] => {
    units += text.length;
    if (units > TEXT_UNITS_MAX) {
      throw new YingdaError(
        "model_cut_short",
        "The model's answer passed the size limit; does the server honour max_tokens?",
      );
    }
    return text === "" ? [] : [{ type: "text", text }];
  };
  for await (const event of events) {
    if (event.type === "text") yield* textEvents(lift.push(event.text));
    else {
      if (event.type === "end") yield* textEvents(lift.end());
      yield event;
    }
  }
}

/** Code, which shows markdown instead of using it; or a picture by its address. */
const CODE_OR_PICTURE =
  /```[\s\S]*?(?:```|$)|`[^`\n]*`|!\[(?<alt>[^[\]\n]{0,200})\]\([ \t]*<?(?<url>https?:\/\/[^\s()<>]{1,2000})>?[ \t]*(?:"[^"\n]*"|'[^'\n]*')?[ \t]*\)/g;

export interface PictureParts {
  desk: Pick<MediaDesk, "fetchPicture"> | undefined;
  mark: (alt: string) => string;
  signal: AbortSignal;
  traceId: string;
  clock: Clock;
  log: Logger;
}

/**
 * The pictures of a complete answer, made fit to be sent: those that were lifted out of it, and those whose address it
 * names and that may be fetched. `mark(alt)` stands in the text for each of the latter; one that cannot be had stays the link
 * that it is. Throws only what makes the turn end.
 */
export async function picturesOf(
  answer: string,
  lifted: readonly string[],
  parts: PictureParts,
): Promise<{ text: string; pictures: AnswerPicture[] }> {
  const { desk, mark, signal, traceId, clock } = parts;
  const links = [...answer.matchAll(CODE_OR_PICTURE)]
    .flatMap(({ index, 0: whole, groups }) => {
      const { alt = "", url }: Partial<Record<string, string>> = groups ?? {};
      return url === undefined ? [] : [{ index, whole, alt, url }];
    })
    .slice(0, desk?.fetchPicture === undefined ? 0 : PICTURES_MAX - lifted.length);
  const count = lifted.length + links.length;
  if (count === 0) return { text: answer, pictures: [] };
  const late = abortAfter(
    PICTURES_MS_MAX,
    clock,
    () => new YingdaError("media_unreachable", "the pictures took too long"),
  );
  const stop = AbortSignal.any([signal, late.signal]);
  const bytesMax = Math.min(PICTURE_BYTES_MAX, Math.floor(ALL_BYTES_MAX / count));
  const fetched = async (url: string): Promise<Buffer> => {
    if (desk?.fetchPicture === undefined) throw new YingdaError("media_refused", "no host is named");
    return desk.fetchPicture(url, { bytesMax: FETCHED_BYTES_MAX, signal: stop, traceId });
  };
  try {
    const [inText, byLink] = await Promise.all([
      Promise.all(lifted.map((url) => orNull(async () => fit(bytesOf(url), bytesMax, stop), parts))),
      Promise.all(links.map(({ url }) => orNull(async () => fit(await fetched(url), bytesMax, stop), parts))),
    ]);
    let text = answer;
    // From the end, so that the places before stay where they are.
    for (const [number, { index, whole, alt }] of [...links.entries()].reverse()) {
      if (byLink[number] === null) continue;
      text = text.slice(0, index) + mark(alt.trim()) + text.slice(index + whole.length);
    }
    return { text, pictures: [...inText, ...byLink].filter((picture) => picture !== null) };
  } finally {
    late.cancel();
  }
}

async function fit(bytes: Buffer, bytesMax: number, signal: AbortSignal): Promise<AnswerPicture> {
  const { bytes: prepared, mimeType } = await prepareImage(bytes, { bytesMax, signal });
  const md5 = createHash("md5").update(prepared).digest("hex");
  return { mimeType, base64: prepared.toString("base64"), md5 };
}

function bytesOf(dataUrl: string): Buffer {
  const [, base64] = /^data:[^,]*;base64,(.*)$/is.exec(dataUrl) ?? [];
  if (base64 === undefined) throw new YingdaError("media_unreadable", "a picture in an answer is not in base64");
  return Buffer.from(base64, "base64");
}

/** Null for a picture that cannot be had: its name in the text has to do. */
async function orNull<T>(work: () => Promise<T>, { signal, traceId, log }: PictureParts): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (mustLeave(error)) throw error;
    log.info({ code: codeOf(error), traceId }, "a picture of an answer could not be had");
    return null;
  }
}
