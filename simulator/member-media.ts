import { YingdaError } from "../src/base/errors.ts";
import type { AppContent } from "./app-events.ts";
import type { BotContent, BotQuote } from "./bot-bodies.ts";
import type { Channel, Sent } from "./platform-types.ts";

/** Where and by whom something is sent; a `chatId` is for the bots alone. */
export interface MemberPlace {
  channel: Channel;
  userId: string;
  chatId?: string;
  quote?: BotQuote;
}

export interface MediaSenders {
  sendAppMessage(message: { userId: string; content: AppContent; quote?: BotQuote }): Sent;
  sendBotMessage(message: { userId: string; chatId?: string; content: BotContent; quote?: BotQuote }): Sent;
  socket: {
    sendMessage(message: { userId: string; chatId?: string; content: BotContent; quote?: BotQuote }): Sent;
  };
}

type Mixed = (BotContent & { type: "mixed" })["items"];

/** What members send besides text, the same for each channel (wecom-protocol 2.2, 4.2, 4.4). */
export class MemberMedia {
  readonly #senders: MediaSenders;

  constructor(senders: MediaSenders) {
    this.#senders = senders;
  }

  image(place: MemberPlace, bytes: Buffer, name = "image.png"): Sent {
    return this.#send(place, { type: "image", bytes, name });
  }

  /** The app is given the recording, a bot its transcript only (4.4). */
  voice(place: MemberPlace, bytes: Buffer, transcript: string, name = "voice.amr"): Sent {
    if (place.channel === "app") return this.#app(place, { type: "voice", bytes, name });
    return this.#bot(place, { type: "voice", transcript, bytes, name });
  }

  /** In the chat with the app a file is seen, and nobody is called for it (2.2). */
  file(place: MemberPlace, bytes: Buffer, name: string): Sent {
    return this.#send(place, { type: "file", bytes, name });
  }

  video(place: MemberPlace, bytes: Buffer, name = "video.mp4"): Sent {
    return this.#send(place, { type: "video", bytes, name });
  }

  /** Text and pictures in one message: bots only. Throws `bad_request` for the app. */
  mixed(place: MemberPlace, items: Mixed): Sent {
    return this.#bot(place, { type: "mixed", items });
  }

  #send(place: MemberPlace, content: AppContent & BotContent & { type: "image" | "video" | "file" }): Sent {
    return place.channel === "app" ? this.#app(place, content) : this.#bot(place, content);
  }

  #app({ userId, quote }: MemberPlace, content: AppContent): Sent {
    return this.#senders.sendAppMessage({ userId, content, ...(quote === undefined ? {} : { quote }) });
  }

  #bot({ channel, ...where }: MemberPlace, content: BotContent): Sent {
    if (channel === "app") throw new YingdaError("bad_request", "The app's chat has no messages of text and pictures.");
    const message = { ...where, content };
    return channel === "socket" ? this.#senders.socket.sendMessage(message) : this.#senders.sendBotMessage(message);
  }
}
