import { randomBytes } from "node:crypto";
import type { Faults } from "./api-faults.ts";
import type { KeepFile } from "./bot-bodies.ts";
import { BotEvents } from "./bot-events.ts";
import type { Bubbles } from "./bubbles.ts";
import type { Directory } from "./directory.ts";
import { InteractionSlots } from "./interaction-slots.ts";
import type { Journal } from "./journal.ts";
import type { MediaStore } from "./media-store.ts";
import { encryptFile } from "./platform-crypto.ts";
import type { PlatformSetup } from "./platform-setup.ts";
import type { ShownMedia } from "./platform-types.ts";
import type { ResponseUrls } from "./response-urls.ts";
import type { PlainMedia } from "./shown-media.ts";
import { SocketChannel } from "./socket-channel.ts";
import { SocketEvents } from "./socket-events.ts";
import { SocketFaultSwitches } from "./socket-faults.ts";
import type { SocketCommand } from "./socket-frames.ts";
import { SocketQuota } from "./socket-quota.ts";
import { SocketReplies } from "./socket-replies.ts";
import { SocketRequests } from "./socket-requests.ts";
import { SocketServer } from "./socket-server.ts";
import { SocketUploads } from "./socket-uploads.ts";

export interface SocketPartsNeeds {
  setup: PlatformSetup;
  journal: Journal;
  directory: Directory;
  bubbles: Bubbles;
  responseUrls: ResponseUrls;
  media: MediaStore;
  faults: Faults;
  show(file: PlainMedia): ShownMedia;
  baseUrl: () => string;
  signal: AbortSignal;
}

/** Everything of the bot with the long connection. */
export interface SocketParts {
  server: SocketServer;
  channel: SocketChannel;
  events: BotEvents;
  slots: InteractionSlots;
  faults: SocketFaultSwitches;
}

export function socketParts(needs: SocketPartsNeeds): SocketParts {
  const { setup, journal, directory, bubbles, responseUrls, media, baseUrl, signal } = needs;
  const { timing, limits, nowMs } = setup;
  const { botId, name: botName } = setup.socketBot;
  const socketFaults = new SocketFaultSwitches();
  const requests = new SocketRequests();
  const slots = new InteractionSlots(limits.interactionsMax);
  const server = () => socketServer;
  const common = { journal, bubbles, responseUrls, baseUrl, nowMs };
  const keepFile = keepWithKey(media, timing.mediaUrlLifeMs, baseUrl);
  const channel = new SocketChannel({
    ...common,
    botId,
    botName,
    server,
    requests,
    slots,
    timing,
    faults: needs.faults,
    socketFaults,
    keepFile,
    show: needs.show,
    signal,
  });
  const quota = new SocketQuota({ perMinute: limits.socketPerMinute, perHour: limits.socketPerHour, nowMs });
  const { streamFramesCount } = limits;
  const replies = new SocketReplies({
    ...common,
    channel,
    requests,
    quota,
    streamFramesCount,
    directory,
    media,
    timing,
    faults: socketFaults,
  });
  const uploads = new SocketUploads({
    media,
    journal,
    lifeMs: timing.uploadLifeMs,
    perMinute: limits.socketPerMinute,
    perHour: limits.socketPerHour,
    nowMs,
  });
  const commands = new Map<string, SocketCommand>([
    ["aibot_respond_msg", (frame, note) => replies.respondMessage(frame, note)],
    ["aibot_respond_welcome_msg", (frame) => replies.respondWelcome(frame)],
    ["aibot_respond_update_msg", (frame) => replies.respondUpdate(frame)],
    ["aibot_send_msg", (frame, note) => replies.push(frame, note)],
    ["aibot_upload_media_init", (frame) => uploads.begin(frame)],
    ["aibot_upload_media_chunk", (frame) => uploads.chunk(frame)],
    ["aibot_upload_media_finish", (frame) => uploads.finish(frame)],
  ]);
  const socketServer = new SocketServer({
    bot: setup.socketBot,
    timing,
    faults: socketFaults,
    journal,
    commands,
    nowMs,
  });
  const wire = new SocketEvents({ server, requests, answerTimeoutMs: timing.callbackTimeoutMs, nowMs, signal });
  const events = new BotEvents({ ...common, channel: "socket", botId, wire, faults: needs.faults });
  return { server: socketServer, channel, events, slots, faults: socketFaults };
}

/**
 * Every file has a key of its own, which the callback carries (wecom-protocol 5.6). Its base64 may lack the `=` at the end, so
 * that of every other file does.
 */
function keepWithKey(media: MediaStore, lifeMs: number, baseUrl: () => string): KeepFile {
  let files = 0;
  return (bytes, name) => {
    const key = randomBytes(32).toString("base64");
    const bare = key.slice(0, -1);
    files += 1;
    const file = { type: "file" as const, name, contentType: "application/octet-stream" };
    const id = media.put({ ...file, bytes: encryptFile(bare, bytes) }, lifeMs);
    return { url: `${baseUrl()}/bot-media/${id}`, aeskey: files % 2 === 0 ? bare : key };
  };
}
