import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Config } from "../config.ts";
import type { MediaDesk } from "../conversation/material.ts";
import { Vision } from "../conversation/vision.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import { Transcriber } from "../llm/transcription.ts";
import { DocumentReader } from "../media/read-document.ts";
import type { RedisConnection } from "../session/redis.ts";
import { SessionImages } from "../session/session-images.ts";
import { decryptMedia, readMediaKey } from "../wecom/media-crypto.ts";
import { MediaDownload } from "../wecom/media-download.ts";

export interface MediaParts {
  redis: RedisConnection;
  app: AppChannel | null;
  clock: Clock;
}

/** Where turns get what came with messages. Throws `bad_config` for a host of a list that cannot be one. */
export function createMediaDesk(config: Config, { redis, app, clock }: MediaParts): MediaDesk {
  const { bot, mediaHosts } = config.wecom;
  const download = new MediaDownload({ hosts: mediaHosts, clock });
  const pictures =
    config.answerImageHosts.length === 0 ? null : new MediaDownload({ hosts: config.answerImageHosts, clock });
  const callbackKey = bot === null ? null : readMediaKey(bot.aesKey.reveal());
  const images = new SessionImages(redis);
  return {
    async fetch({ mediaId, url, aesKey }, limits) {
      if (mediaId !== undefined && app !== null) return app.api.getMedia(mediaId, limits);
      const key = aesKey === undefined ? callbackKey : readMediaKey(aesKey);
      if (url === undefined || key === null) {
        throw new YingdaError(
          "channel_not_configured",
          "The channel that this file came by is not configured any more.",
        );
      }
      const { bytes, fileName } = await download.download({ url, ...limits });
      return { bytes: decryptMedia(bytes, key), fileName };
    },
    ...(pictures === null
      ? {}
      : { fetchPicture: async (url, limits) => (await pictures.download({ url, ...limits })).bytes }),
    transcriber: config.transcription === null ? null : new Transcriber({ ...config.transcription, clock }),
    keepImages: async (conversationId, kept, ttlMs) => images.keep(conversationId, kept, ttlMs),
    readImages: async (conversationId, ids) => images.read(conversationId, ids),
    documents: new DocumentReader(),
    vision: new Vision(config.model.vision),
  };
}
