/**
 * The simulator's HTTP API.
 * @import { ChatMessage, FaultChange, Faults, FeedbackType, Flag, Media, Outgoing, Packet, ServerState } from "./types.d.ts"
 */

/** A simulator on this machine answers in milliseconds; one that is made slow on purpose does so within seconds. */
const TIMEOUT_MS = 15_000;

/** What the simulator said no to, or could not be asked. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when no answer came
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @returns {Promise<ServerState>} */
export function fetchState() {
  return request("GET", "/api/state");
}

/**
 * @param {Outgoing} message
 * @returns {Promise<{ message: ChatMessage }>}
 */
export function sendMessage(message) {
  return request("POST", "/api/messages", message);
}

/**
 * Gives the simulator a file that a message will carry.
 * @param {File} file
 * @returns {Promise<{ media: Media }>}
 */
export function uploadMedia(file) {
  return request("POST", `/api/media?name=${encodeURIComponent(file.name)}`, file);
}

/**
 * Tells that a member has opened a chat.
 * @param {string} chatId
 * @param {string} as
 * @returns {Promise<unknown>}
 */
export function openChat(chatId, as) {
  return request("POST", "/api/open", { chatId, as });
}

/**
 * @param {{ messageId: string, as: string, type: FeedbackType, reasons?: number[], comment?: string }} feedback
 * @returns {Promise<unknown>}
 */
export function sendFeedback(feedback) {
  return request("POST", "/api/feedback", feedback);
}

/**
 * Presses a button of a card.
 * @param {{ chatId: string, messageId: string, as: string, key: string }} press
 * @returns {Promise<unknown>}
 */
export function pressCard(press) {
  return request("POST", "/api/cards", press);
}

/**
 * @param {FaultChange} change
 * @returns {Promise<Faults>}
 */
export function changeFaults(change) {
  return request("POST", "/api/faults", change);
}

/**
 * @param {number} limit
 * @returns {Promise<{ packets: Packet[] }>}
 */
export function fetchPackets(limit) {
  return request("GET", `/api/packets?limit=${limit}`);
}

/** @returns {Promise<{ flags: Flag[] }>} */
export function fetchFlags() {
  return request("GET", "/api/flags");
}

/**
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>} the simulator's own page trusts the simulator's shapes
 */
async function request(method, path, body) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : encode(body)),
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, late ? "timeout" : "network", "");
  }
  const text = await response.text();
  const value = text === "" ? null : parse(text);
  if (!response.ok) {
    throw new ApiError(response.status, value?.error?.code ?? "", value?.error?.message ?? `HTTP ${response.status}`);
  }
  return value;
}

/**
 * A file goes as it is, everything else as JSON.
 * @param {unknown} body
 */
function encode(body) {
  return body instanceof Blob
    ? { headers: { "content-type": "application/octet-stream" }, body }
    : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
