/**
 * What happens to lists of messages and packets, without the page: pure, so that it can be tested anywhere.
 * @import { Chat, ChatMessage, Packet } from "./types.d.ts"
 */

/**
 * A page may stay open for days: without a bound its memory and the time of every redraw grow with each message.
 */
export const MESSAGES_MAX = 500;
/** As for messages; a streamed answer alone brings a packet a second. */
export const PACKETS_MAX = 300;

/**
 * The thread that a member sees in a chat: private chats have one per member, a group has one for all.
 * @param {Pick<Chat, "id" | "kind">} chat
 * @param {string} userId
 * @returns {string}
 */
export function viewKeyOf(chat, userId) {
  return chat.kind === "bot_group" ? chat.id : `${chat.id}:${userId}`;
}

/**
 * The list with `message` in it: in place of its earlier version, or at the end.
 * @template {ChatMessage} M
 * @param {readonly M[]} list
 * @param {M} message
 * @returns {{ list: M[], isNew: boolean, dropped: boolean }} `dropped`: the oldest had to go
 */
export function upsert(list, message) {
  const index = list.findLastIndex((other) => other.id === message.id);
  if (index !== -1) return { list: list.with(index, message), isNew: false, dropped: false };
  const grown = [...list, message];
  return { list: grown.slice(-MESSAGES_MAX), isNew: true, dropped: grown.length > MESSAGES_MAX };
}

/**
 * The list with newer packets at its end; a packet that is there already is replaced, the oldest go.
 * @param {readonly Packet[]} list
 * @param {readonly Packet[]} more
 * @returns {Packet[]}
 */
export function addPackets(list, more) {
  const byId = new Map(list.map((packet) => [packet.id, packet]));
  for (const packet of more) byId.set(packet.id, packet);
  return [...byId.values()].slice(-PACKETS_MAX);
}

/**
 * Everything that belongs to one exchange: the question, its answers, and the message itself.
 * @param {readonly ChatMessage[]} list
 * @param {string} messageId
 * @returns {Set<string>}
 */
export function exchangeOf(list, messageId) {
  const question = list.find((message) => message.id === messageId)?.replyTo ?? messageId;
  const ids = new Set([messageId, question]);
  for (const message of list) if (message.replyTo === question) ids.add(message.id);
  return ids;
}

/**
 * The kinds that occur, with how often, in the order of their first packet.
 * @param {readonly Packet[]} packets
 * @returns {Map<string, number>}
 */
export function countKinds(packets) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { kind } of packets) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/**
 * One line of a message for lists and screen readers: no markup, no line breaks.
 * @param {string} text
 * @param {number} unitsMax
 * @returns {string}
 */
export function preview(text, unitsMax) {
  // what a model thinks is folded away in the message, too
  const thinks = text.startsWith("<think>");
  const end = text.indexOf("</think>");
  const said = !thinks ? text : end === -1 ? "" : text.slice(end + "</think>".length);
  const flat = said
    .slice(0, unitsMax * 4)
    .replace(/```\w*|[`*#>|]|~~/g, "")
    .replace(/\[([^\]]{1,200})\]\([^)]{1,500}\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
  return flat.length > unitsMax
    ? `${flat
        .slice(0, unitsMax)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`
    : flat;
}
