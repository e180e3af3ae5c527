import { YingdaError } from "../src/base/errors.ts";
import type { FaultsView } from "./chat-types.ts";
import type { SocketFaults } from "./socket-faults.ts";
import { isObject, type JsonObject } from "./values.ts";
import type { WeComPlatform } from "./wecom-platform.ts";

/** The page's panel of faults. `socket` is there when the page has a chat over the long connection. */

export function faultsView(platform: WeComPlatform, withSocket: boolean): FaultsView {
  const { copies, slowPlatformMs, dropSends, errcode } = platform.faults;
  return {
    duplicateDelivery: copies > 1,
    slowPlatformMs,
    dropSends,
    errcode,
    tokensRevoked: platform.tokensRevoked,
    ...(withSocket ? { socket: { connected: platform.socket.connected, ...platform.socket.faults } } : {}),
  };
}

/** Throws `bad_request` for a wrong type or a figure outside its range. */
export function changeFaults(platform: WeComPlatform, body: JsonObject): void {
  const { duplicateDelivery, slowPlatformMs, dropSends, errcode, revokeToken, socket } = body;
  const right =
    isOptional(duplicateDelivery, "boolean") &&
    isOptional(slowPlatformMs, "number") &&
    isOptional(dropSends, "boolean") &&
    (errcode === null || isOptional(errcode, "number")) &&
    (socket === undefined || isObject(socket));
  if (!right) throw new YingdaError("bad_request", "A fault has the wrong type.");
  platform.setFaults({
    ...(typeof duplicateDelivery === "boolean" ? { copies: duplicateDelivery ? 2 : 1 } : {}),
    ...(typeof slowPlatformMs === "number" ? { slowPlatformMs } : {}),
    ...(typeof dropSends === "boolean" ? { dropSends } : {}),
    ...(errcode === null || typeof errcode === "number" ? { errcode } : {}),
  });
  if (revokeToken === true) platform.revokeTokens();
  if (isObject(socket)) changeSocket(platform, socket);
}

function changeSocket({ socket }: WeComPlatform, change: JsonObject): void {
  const { silence, ackDelayMs, badCredentials, streamLifeMs, refuse, act } = change;
  const right =
    isOptional(silence, "string") &&
    isOptional(ackDelayMs, "number") &&
    isOptional(badCredentials, "boolean") &&
    (streamLifeMs === null || isOptional(streamLifeMs, "number")) &&
    (refuse === undefined || refuse === null || isRefusal(refuse)) &&
    (act === undefined || act === "kick" || act === "drop");
  if (!right) throw new YingdaError("bad_request", "A fault of the long connection has the wrong type.");
  socket.setFaults({
    ...(isSilence(silence) ? { silence } : {}),
    ...(typeof ackDelayMs === "number" ? { ackDelayMs } : {}),
    ...(typeof badCredentials === "boolean" ? { badCredentials } : {}),
    ...(streamLifeMs === null || typeof streamLifeMs === "number" ? { streamLifeMs } : {}),
    ...(refuse === null || isRefusal(refuse) ? { refuse } : {}),
  });
  if (act === "kick") socket.kick();
  if (act === "drop") socket.drop();
}

function isSilence(value: unknown): value is SocketFaults["silence"] {
  return value === "none" || value === "acks" || value === "all";
}

function isRefusal(value: unknown): value is { errcode: number; times: number } {
  return isObject(value) && typeof value.errcode === "number" && typeof value.times === "number";
}

function isOptional(value: unknown, type: "boolean" | "number" | "string"): boolean {
  return value === undefined || typeof value === type;
}
