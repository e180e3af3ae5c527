/**
 * How what stands in the box becomes messages, without the page: pure, so that it can be tested anywhere.
 * @import { Chat, Media } from "./types.d.ts"
 */

/** @typedef {{ text: string, media: Media[] }} Plan */

/** As many as the simulator takes in one message. */
const PICTURES_MAX = 9;

/**
 * A bot is sent pictures together with the text, and a voice with the text as its transcript; the app is sent each by itself, as
 * their clients do it (wecom-protocol 2.2, 4.2). The text comes last, since it usually asks about what came before.
 * @param {Chat["kind"]} kind
 * @param {string} text
 * @param {readonly Media[]} media
 * @returns {Plan[]}
 */
export function planMessages(kind, text, media) {
  const alone = (/** @type {readonly Media[]} */ files) => files.map((file) => ({ text: "", media: [file] }));
  if (kind === "app" || text === "") return [...alone(media), ...(text === "" ? [] : [{ text, media: [] }])];
  const voice = media.find(({ type }) => type === "voice");
  if (voice !== undefined) return [...alone(media.filter((file) => file !== voice)), { text, media: [voice] }];
  const pictures = media.filter(({ type }) => type === "image").slice(0, PICTURES_MAX);
  return [...alone(media.filter((file) => !pictures.includes(file))), { text, media: pictures }];
}

/**
 * `1.2 MB`
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
