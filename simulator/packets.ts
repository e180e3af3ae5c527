import type { Packet } from "./chat-types.ts";
import type { Exchange } from "./platform-types.ts";

/** An exchange as the page's inspector shows it: without what only tests ask for. */
export function packetOf(exchange: Exchange): Packet {
  const { id, chatId, channel, method: _method, url: _url, outcome: _outcome, ...rest } = exchange;
  const { errcode: _errcode, tokenSerial: _tokenSerial, userId: _userId, ...shown } = rest;
  return { ...shown, id: String(id), chatId: chatId ?? channel };
}
