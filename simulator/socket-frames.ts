import { randomBytes } from "node:crypto";
import { errmsgOf } from "./errcodes.ts";
import { isObject, type JsonObject, objectOr, stringOr } from "./values.ts";

/** A request over the long connection, either way (wecom-protocol 5.1). */
export interface SocketFrame {
  cmd: string;
  reqId: string;
  body: JsonObject;
}

/** What a command found out, for the record of its frame. */
export interface FrameNote {
  messageId?: string;
  userId?: string;
  chatId?: string;
}

/** Answers a frame: fields of the ack's body, if any. Throws Refusal for another errcode than 0. */
export type SocketCommand = (frame: SocketFrame, note: FrameNote) => JsonObject | undefined;

/** Reads a frame of the service; `undefined` for what is none. An ack of ours that comes back has no cmd and is none either. */
export function readFrame(text: string): SocketFrame | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return undefined;
  }
  const reqId = stringOr(objectOr(objectOr(frame).headers).req_id);
  if (!isObject(frame) || typeof frame.cmd !== "string" || reqId === "") return undefined;
  return { cmd: frame.cmd, reqId, body: objectOr(frame.body) };
}

export function frameText({ cmd, reqId, body }: SocketFrame): string {
  return JSON.stringify({ cmd, headers: { req_id: reqId }, body });
}

/** An ack has no cmd: that is how a client tells it from a request. */
export function ackText(
  reqId: string,
  errcode: number,
  errmsg: string | undefined,
  body: JsonObject | undefined,
): string {
  return JSON.stringify({
    headers: { req_id: reqId },
    errcode,
    errmsg: errmsg ?? errmsgOf(errcode),
    ...(body === undefined ? {} : { body }),
  });
}

/** A frame for the record: the data of an upload by its size alone. */
export function recordedText(text: string): string {
  return text.replace(/"base64_data":"([^"]*)"/, (_, data: string) => `"base64_data":"[${data.length} characters]"`);
}

/** A req_id as the platform makes them. */
export function newReqId(): string {
  return randomBytes(16).toString("hex");
}
