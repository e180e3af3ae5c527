import type { SocketChat } from "./message.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { seatKeys } from "./socket-keys.ts";

/** Conversations remembered; a company's members and groups. The longest silent are forgotten first. */
const CHATS_MAX = 200_000;

/** Where somebody has written to the bot: only there it may begin to speak (wecom-protocol 5.5), and WeCom has no list. */
export class SocketChats {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor(redis: RedisConnection, botId: string) {
    this.#redis = redis;
    this.#key = seatKeys(botId).chats;
  }

  /** Throws `store_unavailable`. */
  async note(chat: SocketChat, atMs: number): Promise<void> {
    await inStore(async () => {
      await this.#redis.zadd(this.#key, atMs, memberOf(chat));
      await this.#redis.zremrangebyrank(this.#key, 0, -CHATS_MAX - 1);
    });
  }

  /** Throws `store_unavailable`. */
  async knows(chat: SocketChat): Promise<boolean> {
    return (await inStore(() => this.#redis.zscore(this.#key, memberOf(chat)))) !== null;
  }
}

/** userids are the same in any letter case, chat ids are not (wecom-protocol 3.7, 4.3). */
function memberOf({ kind, id }: SocketChat): string {
  return `${kind}:${kind === "single" ? id.toLowerCase() : id}`;
}
