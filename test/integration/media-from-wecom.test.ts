import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { readConfig } from "../../src/config.ts";
import type { StoredToken } from "../../src/wecom/access-token.ts";
import { WeComApi } from "../../src/wecom/api-client.ts";
import { parseBotCallback } from "../../src/wecom/callback-json.ts";
import { decryptMedia, readMediaKey } from "../../src/wecom/media-crypto.ts";
import { MediaDownload } from "../../src/wecom/media-download.ts";
import { silentEvents } from "../support/messages.ts";
import { type ReferenceService, startReferenceService } from "./simulator-reference-service.ts";

/** Files as WeCom hands them out, by a platform that shares no code of encryption with the service. */

const signal = AbortSignal.timeout(60_000);
let platform: WeComPlatform;
let service: ReferenceService;

beforeAll(async () => {
  platform = await startWeComPlatform();
  service = await startReferenceService({ keys: platform });
  platform.setCallbackUrls({ app: [`${service.url}/wecom/app`], bot: [`${service.url}/wecom/bot`] });
});
afterAll(async () => {
  await Promise.all([service.stop(), platform.stop()]);
});

test("a file sent to the AI bot is fetched from the host that is named, and decrypted by the callback's key", async () => {
  const bytes = randomBytes(100_001);
  await platform.sendBotMessage({ userId: "lisi", content: { type: "image", bytes } }).outcome;
  const callback = parseBotCallback(JSON.stringify(service.bot.at(-1)?.body));
  if (callback.kind !== "message" || callback.content.type !== "image") throw new Error("no image came");
  const environment = platform.environment();
  const { wecom } = readConfig({ ...environment, OPENAI_BASE_URL: "http://127.0.0.1:1/v1", OPENAI_MODEL: "m" });
  const downloads = new MediaDownload({ hosts: wecom.mediaHosts });
  const file = await downloads.download({ url: callback.content.url, bytesMax: 200_000, signal });
  expect(file.bytes.equals(bytes)).toBe(false);
  expect(decryptMedia(file.bytes, readMediaKey(wecom.bot?.aesKey.reveal() ?? "")).equals(bytes)).toBe(true);
});

test("what is sent to the app is fetched by its id; an id that never was is gone", async () => {
  const bytes = randomBytes(10_000);
  await platform.sendAppMessage({ userId: "lisi", content: { type: "image", bytes } }).outcome;
  const stored: { token: StoredToken | null } = { token: null };
  const api = new WeComApi({
    baseUrl: platform.url,
    corpId: platform.corpId,
    agentId: String(platform.app.agentId),
    secret: new Secret(platform.app.secret),
    tokenStore: {
      read: async () => stored.token,
      write: async (token) => {
        stored.token = token;
      },
      drop: async () => {},
      lock: async () => async () => {},
    },
    events: silentEvents(),
    clock: systemClock,
  });
  const options = { bytesMax: 20_000, signal, traceId: "t" };
  const file = await api.getMedia(service.app.at(-1)?.field("MediaId") ?? "", options);
  expect(file.bytes.equals(bytes)).toBe(true);
  await expect(api.getMedia("never", options)).rejects.toMatchObject({ code: "media_gone" });
});
