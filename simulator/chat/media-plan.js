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
  const pictures = media.filter(({ type }) => type === "image");
  const rest = media.filter(({ type }) => type !== "image");
  if (pictures.length > 0) {
    const together = { text, media: pictures.slice(0, PICTURES_MAX) };
    return [...alone(rest), ...alone(pictures.slice(PICTURES_MAX)), together];
  }
  const voice = rest.find(({ type }) => type === "voice");
  if (voice === undefined) return [...alone(rest), { text, media: [] }];
  return [...alone(rest.filter((file) => file !== voice)), { text, media: [voice] }];
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
