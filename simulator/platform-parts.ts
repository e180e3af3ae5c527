import { AccessTokens } from "./access-tokens.ts";
import { Faults } from "./api-faults.ts";
import { apiRoutes } from "./api-routes.ts";
import { ApiServer } from "./api-server.ts";
import { AppChannel } from "./app-channel.ts";
import { BotChannel } from "./bot-channel.ts";
import { BotEvents } from "./bot-events.ts";
import { BotWire } from "./bot-wire.ts";
import { Bubbles } from "./bubbles.ts";
import { CallbackPost } from "./callback-post.ts";
import { Directory } from "./directory.ts";
import { Inboxes } from "./inboxes.ts";
import { InteractionSlots } from "./interaction-slots.ts";
import { Journal } from "./journal.ts";
import type { MediaAnswer } from "./media-api.ts";
import { MediaStore } from "./media-store.ts";
import { MessageApi } from "./message-api.ts";
import { type CallbackKeys, encryptFile } from "./platform-crypto.ts";
import type { PlatformSetup } from "./platform-setup.ts";
import type { Bubble, CallbackChannel } from "./platform-types.ts";
import { ResponseUrls } from "./response-urls.ts";
import { type PlainMedia, showMedia } from "./shown-media.ts";
import { type SocketParts, socketParts } from "./socket-parts.ts";

/** Everything that a platform is made of, put together from its set-up. */
export interface PlatformParts {
  journal: Journal;
  media: MediaStore;
  directory: Directory;
  faults: Faults;
  tokens: AccessTokens;
  inboxes: Inboxes;
  messageApi: MessageApi;
  responseUrls: ResponseUrls;
  bubbles: Bubbles;
  slots: InteractionSlots;
  keys: Record<CallbackChannel, CallbackKeys>;
  posts: Record<CallbackChannel, CallbackPost>;
  appChannel: AppChannel;
  botChannel: BotChannel;
  botEvents: BotEvents;
  socket: SocketParts;
  apiServer: ApiServer;
}

/** `baseUrl` is asked when a callback needs a link to the platform, which then listens. */
export function platformParts(setup: PlatformSetup, baseUrl: () => string, signal: AbortSignal): PlatformParts {
  const { nowMs, timing, limits, corpId } = setup;
  const journal = new Journal(nowMs, limits.historyMax);
  const directory = new Directory();
  for (const member of setup.members) directory.addMember(member);
  for (const group of setup.groups) directory.addGroup(group);
  const faults = new Faults();
  const tokens = new AccessTokens(timing.tokenLifeSeconds, setup.sameTokenWithinValidity);
  const media = new MediaStore(nowMs);
  const inboxes = new Inboxes(journal, limits.historyMax);
  const { agentId } = setup.app;
  const { foreignAgentIds } = setup;
  const messageApi = new MessageApi({
    agentId,
    foreignAgentIds,
    directory,
    inboxes,
    media,
    journal,
    faults,
    limits,
    nowMs,
  });
  const responseUrls = new ResponseUrls(journal, nowMs, timing.responseUrlLifeMs, limits.historyMax);
  const slots = new InteractionSlots(limits.interactionsMax);
  const onEnd = (bubble: Bubble) => {
    if (bubble.channel === "bot") slots.release(bubble.userId);
    else socket.channel.free(bubble);
  };
  const show = (file: PlainMedia) => showMedia(media, file);
  const bubbles = new Bubbles(journal, nowMs, limits.historyMax, onEnd, (bytes) =>
    show({ type: "image", bytes, name: "image" }),
  );
  const keys = {
    app: { token: setup.app.token, aesKey: setup.app.aesKey, receiveId: corpId },
    bot: { token: setup.bot.token, aesKey: setup.bot.aesKey, receiveId: "" },
  };
  const posts = {
    app: new CallbackPost({ urls: () => setup.urls.app, connections: setup.connections, signal }),
    bot: new CallbackPost({ urls: () => setup.urls.bot, connections: setup.connections, signal }),
  };
  const common = { journal, timing, faults, baseUrl, nowMs, signal };
  const appChannel = new AppChannel({
    ...common,
    corpId,
    agentId,
    keys: keys.app,
    post: posts.app,
    inboxes,
    messageApi,
    media,
  });
  const { callbackTimeoutMs } = timing;
  const wire = new BotWire({ keys: keys.bot, post: posts.bot, journal, callbackTimeoutMs, nowMs });
  const { botId, name: botName } = setup.bot;
  const keepFile = (bytes: Buffer, name: string) => {
    const sealed = encryptFile(setup.bot.aesKey, bytes);
    const file = { type: "file" as const, name, contentType: "application/octet-stream", bytes: sealed };
    return { url: `${baseUrl()}/bot-media/${media.put(file, timing.mediaUrlLifeMs)}` };
  };
  const botChannel = new BotChannel({ ...common, botId, botName, wire, bubbles, slots, responseUrls, keepFile, show });
  const botEvents = new BotEvents({ ...common, channel: "bot", botId, wire, bubbles, responseUrls });
  const socket = socketParts({
    setup,
    journal,
    directory,
    bubbles,
    responseUrls,
    media,
    faults,
    show,
    baseUrl,
    signal,
  });
  const routes = apiRoutes({
    corpId,
    appSecret: setup.app.secret,
    tokens,
    directory,
    media,
    messageApi,
    responseUrls,
    nowMs,
  });
  const { concurrentCallsMax } = limits;
  const file = (path: string) => linkedFile(media, path);
  const apiServer = new ApiServer({ routes, file, tokens, faults, journal, concurrentCallsMax, nowMs, signal });
  return {
    journal,
    media,
    directory,
    faults,
    tokens,
    inboxes,
    messageApi,
    responseUrls,
    bubbles,
    slots,
    keys,
    posts,
    appChannel,
    botChannel,
    botEvents,
    socket,
    apiServer,
  };
}

/** Files that callbacks link to: pictures of the app chat, encrypted files of the bot chat. */
function linkedFile(media: MediaStore, path: string): MediaAnswer | undefined {
  const id = /^\/(?:pic|bot-media)\/([\w-]+)$/.exec(path)?.[1];
  const found = id === undefined ? undefined : media.get(id);
  if (found === undefined) return undefined;
  return {
    status: 200,
    headers: {
      "content-type": found.contentType,
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(found.name)}`,
    },
    bytes: found.bytes,
  };
}
