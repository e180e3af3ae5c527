import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import { Events } from "../../src/base/events.ts";
import { parseRedisUrl } from "../../src/base/redis-address.ts";
import { readConfig } from "../../src/config.ts";
import { parseCommand } from "../../src/conversation/commands.ts";
import { BODY_BYTES_MAX, readRawBody } from "../../src/handlers/raw-body.ts";
import { appConversation, botGroupConversation, botSingleConversation } from "../../src/session/conversation-id.ts";
import { conversationKeys, snapshotKey, streamIdOf } from "../../src/session/keys.ts";
import { Mailbox } from "../../src/session/mailbox.ts";
import { connectRedis, type RedisConnection, readyWithin } from "../../src/session/redis.ts";
import { encodeSnapshot, Snapshots } from "../../src/session/snapshots.ts";
import { botMessage, silentLog } from "../support/messages.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";

/**
 * The readers that have no fuzz test beside their unit tests (crypto, envelopes, callbacks, prompts and model streams
 * have): whatever they are given, they return or throw what they promise.
 */

const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);
const runs = (numRuns: number) => ({ seed: SEED, numRuns });

/** Any text at all: also half characters, control characters, and words that mean something to JavaScript. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom("__proto__", "constructor", "\u0000", "\ud800", "\u2028", "a\nb", "NaN", "-0", "1e999", " "),
);

const hex = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength, maxLength });

/** The error's code, or what was returned. */
function outcome<T>(call: () => T): { returned: T } | { code: string } {
  try {
    return { returned: call() };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

describe(`readers (seed ${SEED})`, () => {
  const SECRETS = [
    ...["WECOM_APP_SECRET", "WECOM_APP_TOKEN", "WECOM_APP_AES_KEY", "WECOM_BOT_TOKEN", "WECOM_BOT_AES_KEY"],
    ...["WECOM_BOT_SECRET", "OPENAI_API_KEY", "GUARD_API_KEY", "ADMIN_BOOTSTRAP_TOKEN", "DATABASE_URL", "REDIS_URL"],
    "TRANSCRIPTION_API_KEY",
  ];
  const OTHERS = [
    ...["HOST", "PORT", "PUBLIC_URL", "ROLE", "DATA_DIR", "WECOM_API_BASE", "WECOM_CORP_ID", "WECOM_APP_AGENT_ID"],
    ...["WECOM_BOT_NAME", "WECOM_BOT_ID", "WECOM_BOT_WS_URL", "WECOM_MEDIA_HOSTS", "CALLBACK_MAX_AGE_SECONDS"],
    ...["OPENAI_BASE_URL", "OPENAI_MODEL", "MODEL_CONTEXT_TOKENS", "GROUP_SESSION", "SESSION_TTL_SECONDS"],
    ...[
      "TRANSCRIPTION_BASE_URL",
      "TRANSCRIPTION_MODEL",
      "TURN_TIMEOUT_SECONDS",
      "GUARD_BASE_URL",
      "GUARD_KIND",
      "ADMIN_USERS",
      "LOG_LEVEL",
      "PATH",
      "__proto__",
    ],
  ];
  const GOOD = {
    OPENAI_BASE_URL: "http://127.0.0.1:8000/v1",
    OPENAI_MODEL: "m",
    WECOM_BOT_TOKEN: "t",
    WECOM_BOT_AES_KEY: "A".repeat(43),
  };
  const value = fc.oneof(
    anyText,
    fc.constantFrom("", "0", "7", "65536", "https://a", "http://", "a:admin", "postgres://"),
  );

  test("of the environment give a configuration or bad_config", () => {
    const some = fc.dictionary(fc.constantFrom(...OTHERS), value, { maxKeys: 8 });
    fc.assert(
      fc.property(some, fc.boolean(), (env, fromGood) => {
        const read = outcome(() => readConfig(fromGood ? { ...GOOD, ...env } : env));
        if ("code" in read) expect(read.code).toBe("bad_config");
        else expect(read.returned.http.port).toBeLessThan(65_536);
      }),
      runs(2_000),
    );
  });

  test("of the environment never print the value of a secret, right or wrong", () => {
    const canary = hex(12, 12).map((digits) => `canary${digits}`);
    const around = fc.constantFrom("", " ", "\n", "://", "postgres://u:", "redis://:", "redis+sentinel://u:", "%");
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...SECRETS), fc.tuple(around, canary, around), { minKeys: 1 }),
        (secrets) => {
          const env = Object.fromEntries(Object.entries(secrets).map(([name, parts]) => [name, parts.join("")]));
          let shown: string;
          try {
            const { redisUrl: _address, ...config } = readConfig({ ...GOOD, ...env });
            shown = inspect(config, { depth: 9, showHidden: true }) + JSON.stringify(config);
          } catch (error) {
            if (!(error instanceof YingdaError)) throw error;
            shown = inspect(error, { depth: 9 }) + JSON.stringify(error);
          }
          expect(shown).not.toContain("canary");
        },
      ),
      runs(1_000),
    );
  });

  test("of a Redis address give an address or bad_config, and keep every character of a password", () => {
    const scheme = fc.constantFrom("redis://", "rediss://", "redis+sentinel://", "redis+cluster://", "");
    const rest = fc.oneof(
      anyText,
      fc.constantFrom("h", "h:1", "h:99999", "[::1]:1,h", "u:p@h/m", "%@h/m", ":a%zz@h/m/1"),
    );
    fc.assert(
      fc.property(scheme, rest, (start, end) => {
        const read = outcome(() => parseRedisUrl(start + end));
        if ("code" in read) expect(read.code).toBe("bad_config");
        else expect(["single", "sentinel", "cluster"]).toContain(read.returned.kind);
      }),
      runs(2_000),
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (password) => {
        const written = encodeURIComponent(password.toWellFormed()).replaceAll("%3A", ":");
        expect(parseRedisUrl(`redis+cluster://u:${written}@h:1`)).toMatchObject({
          credentials: { username: "u", password: password.toWellFormed() },
        });
      }),
      runs(1_000),
    );
  });

  test("of a stream id know ours, and make no key of anything else", () => {
    fc.assert(
      fc.property(anyText, anyText, (conversationId, messageId) => {
        const ours = streamIdOf(conversationId, messageId);
        expect(snapshotKey(ours)).toMatch(/^yingda:\{\d\}:snapshot:s\d-[0-9a-f]{32}$/);
        expect(snapshotKey(ours)).toContain(`{${conversationKeys(conversationId).shard}}`);
      }),
      runs(1_000),
    );
    const nearly = fc
      .tuple(anyText, fc.constantFrom("s1-", "s10-", "S1-", "s-"), hex(31, 33), anyText)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(anyText, nearly), (id) => {
        const key = snapshotKey(id);
        if (key !== null) expect(id).toMatch(/^s\d-[0-9a-f]{32}$/);
      }),
      runs(3_000),
    );
  });

  test("of a command take the words of the contract and no others", () => {
    const words = "/help /new /stop /retry /appeal 帮助 新对话 停止 重试 申诉".split(" ");
    const space = fc.constantFrom("", " ", "\n\t", "\u3000");
    fc.assert(
      fc.property(fc.constantFrom(...words), space, space, fc.boolean(), (word, before, after, loud) => {
        const full = `${before}${loud ? word.toUpperCase().replace("/", "／") : word}${after}`;
        expect(parseCommand(full)).not.toBeNull();
        expect(parseCommand(`${full}x`)).toBeNull();
      }),
      runs(500),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        if (parseCommand(text) !== null) expect(words).toContain(text.trim().replace("／", "/").toLowerCase());
      }),
      runs(3_000),
    );
  });

  test("of a conversation keep members apart: other members, other bots, other chats have other keys", () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_@.-]{0,30}$/);
    fc.assert(
      fc.property(id, id, id, id, (bot, chat, one, other) => {
        fc.pre(one.toLowerCase() !== other.toLowerCase());
        const of = (userId: string): string[] => [
          appConversation("1000002", userId),
          botSingleConversation(bot, userId),
          botGroupConversation(bot, chat, userId, "member"),
        ];
        const all = [...of(one), ...of(other), botGroupConversation(bot, chat, one, "group")];
        expect(new Set(all.map((conversation) => conversationKeys(conversation).session)).size).toBe(all.length);
        expect(botSingleConversation(bot, one.toUpperCase())).toBe(botSingleConversation(bot, one.toLowerCase()));
      }),
      runs(1_000),
    );
  });
});

describe(`a body over real HTTP (seed ${SEED})`, () => {
  const server = createServer((incoming, outgoing) => {
    readRawBody(incoming).then(
      (text) => outgoing.end(Buffer.from(text)),
      (error: unknown) => outgoing.writeHead(400, { connection: "close" }).end(codeOf(error)),
    );
  });
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  async function post(chunks: Uint8Array[]): Promise<{ status: number; body: Buffer }> {
    const { port } = server.address() as AddressInfo;
    const outgoing = request({ host: "127.0.0.1", port, method: "POST" });
    const answered = once(outgoing, "response");
    // What is written after the answer breaks on the closed connection.
    outgoing.on("error", () => undefined);
    for (const chunk of chunks) outgoing.write(chunk);
    outgoing.end();
    const [incoming] = await answered;
    return { status: incoming.statusCode, body: Buffer.concat(await incoming.toArray()) };
  }

  test("comes back to the byte, however it is cut, or is malformed_body", async () => {
    const bytes = fc.oneof(
      anyText.map((text) => new Uint8Array(Buffer.from(text))),
      fc.uint8Array({ maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 40 }), async (body, size) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
        const { status, body: answer } = await post(chunks);
        const whole = Buffer.from(body);
        const isUtf8 = Buffer.from(whole.toString("utf8")).equals(whole);
        // A byte order mark at the start is a mark and no text.
        const text = whole.subarray(0, 3).equals(Buffer.from("\ufeff")) ? whole.subarray(3) : whole;
        expect([status, isUtf8 ? answer : answer.toString()]).toEqual(isUtf8 ? [200, text] : [400, "malformed_body"]);
      }),
      runs(400),
    );
  });

  test("of 1 MiB is taken and of one byte more is not, however it is cut", async () => {
    for (const size of [BODY_BYTES_MAX + 1, 65_536, 999]) {
      const cut = (bytes: number): Uint8Array[] => {
        const whole = new Uint8Array(bytes).fill(0x61);
        return Array.from({ length: Math.ceil(bytes / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size));
      };
      expect((await post(cut(BODY_BYTES_MAX))).body).toHaveLength(BODY_BYTES_MAX);
      expect(await post(cut(BODY_BYTES_MAX + 1))).toEqual({ status: 400, body: Buffer.from("body_too_large") });
    }
  });
});

describe(`Redis (seed ${SEED})`, () => {
  let server: PrivateRedis;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startPrivateRedis();
    redis = connectRedis(server.url, new Events(silentLog));
    await readyWithin(redis, 5_000);
  }, 30_000);
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test("gives a snapshot back as it was written, and none for an id that is not ours", async () => {
    const snapshots = new Snapshots(redis);
    await fc.assert(
      fc.asyncProperty(anyText, anyText, fc.boolean(), fc.nat(), async (content, id, finish, expiresAtMs) => {
        const streamId = streamIdOf("bot:B1:single:u", id);
        const snapshot = { content, finish, expiresAtMs };
        await redis.set(snapshotKey(streamId) ?? "", encodeSnapshot(snapshot));
        expect(await snapshots.read(streamId)).toEqual(snapshot);
        expect(await snapshots.read(id)).toBeNull();
      }),
      runs(300),
    );
  });

  test("keeps a message so that its scripts can read it, whatever is in it, half characters replaced", async () => {
    const mailbox = new Mailbox(redis);
    const readId = "return cjson.decode(redis.call('LINDEX', KEYS[1], 0))['id']";
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, anyText, fc.uuid(), async (text, quote, userId, tail, unique) => {
        const message = botMessage({
          id: `bot:B1:${unique}${tail}`,
          conversationId: `bot:B1:single:${unique}${userId}`,
          sender: { userId },
          text,
          quote: { kind: "text", text: quote },
        });
        expect(await mailbox.keep(message, { stops: false })).toEqual({
          outcome: "kept",
          repeated: false,
          tellBusy: false,
        });
        const { mail } = conversationKeys(message.conversationId);
        expect(await redis.eval(readId, 1, mail)).toBe(message.id.toWellFormed());
        expect(JSON.parse((await redis.lindex(mail, 0)) ?? "")).toMatchObject({
          text: text.toWellFormed(),
          quote: { text: quote.toWellFormed() },
          sender: { userId: userId.toWellFormed() },
        });
        expect(await mailbox.keep(message, { stops: false })).toEqual({
          outcome: "kept",
          repeated: true,
          tellBusy: false,
        });
      }),
      runs(300),
    );
  });
});
