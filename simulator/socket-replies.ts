import { type BotAnswer, type Breach, readAnswer, STREAM_BYTES_MAX } from "./bot-replies.ts";
import type { Bubbles } from "./bubbles.ts";
import { cardFault, cardText } from "./cards.ts";
import type { Directory } from "./directory.ts";
import { Refusal } from "./errcodes.ts";
import type { Journal } from "./journal.ts";
import type { MediaStore, StoredMedia } from "./media-store.ts";
import type { BotMessage, PlatformTiming } from "./platform-types.ts";
import type { ResponseUrls } from "./response-urls.ts";
import { shownMedia } from "./shown-media.ts";
import { conversationOf, type SocketChannel } from "./socket-channel.ts";
import type { SocketFaultSwitches } from "./socket-faults.ts";
import type { FrameNote, SocketFrame } from "./socket-frames.ts";
import type { SocketQuota } from "./socket-quota.ts";
import type { Interaction, SocketRequests } from "./socket-requests.ts";
import { type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";

export interface SocketRepliesParts {
  channel: SocketChannel;
  requests: SocketRequests;
  quota: SocketQuota;
  streamFramesCount: boolean;
  bubbles: Bubbles;
  responseUrls: ResponseUrls;
  directory: Directory;
  media: MediaStore;
  timing: PlatformTiming;
  faults: SocketFaultSwitches;
  journal: Journal;
  nowMs: () => number;
}

type Content = Pick<BotMessage, "format" | "text" | "card" | "media" | "feedbackId">;
type Address = Pick<BotMessage, "userId" | "chatId" | "messageId">;

const MEDIA_TYPES = ["image", "voice", "video", "file"] as const;
const FEEDBACK_ID_BYTES_MAX = 256;

/** The service's replies, welcomes, card updates and pushes over the long connection (wecom-protocol 5.4, 5.5). */
export class SocketReplies {
  readonly #parts: SocketRepliesParts;

  constructor(parts: SocketRepliesParts) {
    this.#parts = parts;
  }

  /** `aibot_respond_msg` */
  respondMessage({ reqId, body }: SocketFrame, note: FrameNote): undefined {
    const { requests, timing, nowMs, quota, bubbles, responseUrls } = this.#parts;
    const interaction = requests.message(reqId);
    const { message, place, bubble } = interaction;
    noteOf(note, { messageId: message.id, userId: place.userId, chatId: place.group?.chatId });
    if (nowMs() - interaction.atMs > timing.replyWindowMs) throw new Refusal(846605);
    if (body.msgtype === "stream") {
      this.#stream(interaction, body);
      return;
    }
    const content = this.#content(body, message.id, true);
    quota.take(conversationOf(place));
    if (bubble.state === "waiting") {
      if (content.card !== undefined) {
        interaction.spent = true;
        bubbles.begin(bubble, { kind: "card", card: content.card }, performance.now());
        return;
      }
      // The answer stands beside the bubble, which has nothing to show.
      bubbles.begin(bubble, { kind: "empty" }, performance.now());
    }
    if (content.card !== undefined) interaction.spent = true;
    const chatId = place.group?.chatId;
    const address = { userId: place.userId, ...(chatId === undefined ? {} : { chatId }), messageId: message.id };
    responseUrls.show({ channel: "socket", kind: "reply", ...address, ...content });
  }

  /** `aibot_respond_welcome_msg` */
  respondWelcome({ reqId, body }: SocketFrame): undefined {
    const event = this.#parts.requests.event(reqId, "enter_chat");
    this.#inTime(event.atMs);
    if (body.msgtype !== "text" && body.msgtype !== "template_card") {
      throw this.#breach(40008, { rule: "reply_not_allowed", detail: "a welcome is a text or a template_card" });
    }
    event.answer(this.#read(body));
    event.answered = true;
  }

  /** `aibot_respond_update_msg` */
  respondUpdate({ reqId, body }: SocketFrame): undefined {
    const event = this.#parts.requests.event(reqId, "template_card_event");
    this.#inTime(event.atMs);
    if (body.response_type !== "update_template_card" || body.msgtype !== undefined) {
      const detail = "a card update has the response_type update_template_card and no msgtype";
      throw this.#breach(40058, { rule: "reply_malformed", detail });
    }
    if (stringOr(objectOr(body.template_card).task_id) !== event.taskId) {
      throw this.#breach(40035, { rule: "card_wrong", detail: "the new card has another task_id than the click" });
    }
    event.answer(this.#read(body));
    event.answered = true;
  }

  /** `aibot_send_msg` */
  push({ body }: SocketFrame, note: FrameNote): undefined {
    const { channel, quota, responseUrls } = this.#parts;
    const address = this.#address(body);
    noteOf(note, address);
    const content = this.#content(body, undefined, address.chatId === undefined);
    const conversation = address.chatId ?? address.userId.toLowerCase();
    if (!channel.hasWritten(conversation)) throw new Refusal(846607);
    quota.take(conversation);
    responseUrls.show({ channel: "socket", kind: "push", ...address, ...content });
  }

  #stream(interaction: Interaction, body: JsonObject): void {
    const { bubbles, channel, quota, streamFramesCount, nowMs } = this.#parts;
    const { message, place } = interaction;
    if (listOr(objectOr(body.stream).msg_item).length > 0) {
      const detail = "msg_item is not supported over the long connection";
      throw this.#breach(40058, { rule: "images_wrong", detail }, message.id);
    }
    const answer = this.#read(body, message.id);
    if (answer.kind !== "stream") throw new Refusal(40058);
    const known = interaction.streams.get(answer.stream.id);
    if (known !== undefined) this.#checkLife(known);
    if (known === undefined || streamFramesCount) quota.take(conversationOf(place));
    if (known !== undefined) {
      this.#note(bubbles.step(known.bubble, answer, performance.now()), message.id);
      return;
    }
    const bubble =
      interaction.bubble.state === "waiting"
        ? interaction.bubble
        : bubbles.open(`${message.id}#${++interaction.bubbles}`, place.userId, place.group?.chatId, "socket");
    interaction.streams.set(answer.stream.id, { bubble, firstAtMs: nowMs() });
    this.#note(bubbles.begin(bubble, answer, performance.now()), message.id);
    void channel.expire(bubble, "streaming");
  }

  /** Refreshing does not lengthen a stream's life (5.4). */
  #checkLife({ bubble, firstAtMs }: { bubble: Interaction["bubble"]; firstAtMs: number }): void {
    const { bubbles, faults, timing, nowMs } = this.#parts;
    const lifeMs = faults.standing.streamLifeMs ?? timing.socketStreamLifeMs;
    if (bubble.state !== "expired" && nowMs() - firstAtMs <= lifeMs) return;
    bubbles.end(bubble, "expired");
    const minutes = Math.max(1, Math.round(timing.socketStreamLifeMs / 60_000));
    throw new Refusal(846608, { errmsg: `stream message update expired (>${minutes} minutes), cannot update` });
  }

  /** What a reply or push shows, streams apart. */
  #content(body: JsonObject, messageId: string | undefined, cardAllowed: boolean): Content {
    const mediaType = MEDIA_TYPES.find((type) => type === body.msgtype);
    if (mediaType !== undefined) return this.#mediaContent(mediaType, objectOr(body[mediaType]));
    if (body.msgtype === "markdown") {
      const markdown = objectOr(body.markdown);
      const text = stringOr(markdown.content);
      const bytes = utf8Bytes(text);
      if (text.trim() === "")
        throw this.#breach(44004, { rule: "reply_malformed", detail: "markdown.content is empty" });
      if (bytes > STREAM_BYTES_MAX) {
        throw this.#breach(
          40058,
          { rule: "stream_too_long", detail: `markdown.content has ${bytes} bytes` },
          messageId,
        );
      }
      return { format: "markdown", text, ...feedbackOf(markdown) };
    }
    if (body.msgtype === "template_card") {
      if (!cardAllowed) {
        throw this.#breach(40008, { rule: "reply_not_allowed", detail: "a card is pushed to single chats only" });
      }
      const card = objectOr(body.template_card);
      const fault = cardFault(body.template_card);
      if (fault !== undefined) throw this.#breach(40035, { rule: "card_wrong", detail: fault }, messageId);
      return { format: "card", text: cardText(card), card, ...feedbackOf(card) };
    }
    const detail = "the msgtype is not one of the long connection's";
    throw this.#breach(40008, { rule: "reply_not_allowed", detail }, messageId);
  }

  #mediaContent(type: StoredMedia["type"], own: JsonObject): Content {
    const id = stringOr(own.media_id);
    const file = this.#parts.media.get(id);
    if (file === undefined || file.type !== type) throw new Refusal(40007);
    const shown = shownMedia(this.#parts.media, id);
    return { format: "media", text: "", media: shown === undefined ? [] : [shown] };
  }

  /** Where a push goes: `chat_type` 1 single, 2 group, 0 or none a guess, groups first (5.5). */
  #address(body: JsonObject): Address {
    const { directory } = this.#parts;
    const chatId = stringOr(body.chatid);
    const type = body.chat_type ?? 0;
    if (type !== 0 && type !== 1 && type !== 2) throw new Refusal(40058);
    const group = type === 1 ? undefined : directory.groups().find((one) => one.chatId === chatId);
    if (group !== undefined) return { userId: group.memberIds[0] ?? "", chatId };
    if (type === 2) throw new Refusal(93006);
    const member = directory.find(chatId);
    if (member === undefined) throw new Refusal(846607);
    return { userId: member.userId };
  }

  /** Reads a reply by the rules that it shares with callback mode. Throws Refusal for an unusable one. */
  #read(body: JsonObject, messageId?: string): BotAnswer {
    const { answer, breaches } = readAnswer(body);
    const [first] = breaches;
    if (answer !== undefined) {
      this.#note(breaches, messageId);
      return answer;
    }
    const errcode = first?.rule === "card_wrong" ? 40035 : 40058;
    throw this.#breach(errcode, first ?? { rule: "reply_malformed", detail: "the reply is unusable" }, messageId);
  }

  #inTime(atMs: number): void {
    if (this.#parts.nowMs() - atMs > this.#parts.timing.callbackTimeoutMs) throw new Refusal(846605);
  }

  #note(breaches: Breach[], messageId?: string): void {
    for (const { rule, detail } of breaches) this.#parts.journal.violate("socket", rule, detail, messageId);
  }

  #breach(errcode: number, breach: Breach, messageId?: string): Refusal {
    this.#note([breach], messageId);
    return new Refusal(errcode);
  }
}

function feedbackOf(own: JsonObject): { feedbackId?: string } {
  const id = stringOr(objectOr(own.feedback).id);
  if (id === "") return {};
  if (utf8Bytes(id) > FEEDBACK_ID_BYTES_MAX) throw new Refusal(40058);
  return { feedbackId: id };
}

function noteOf(note: FrameNote, from: { messageId?: string; userId: string; chatId?: string | undefined }): void {
  note.userId = from.userId;
  if (from.messageId !== undefined) note.messageId = from.messageId;
  if (from.chatId !== undefined) note.chatId = from.chatId;
}
