import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { cleanText, cleanTextHard } from "../../src/wecom/clean-text.ts";
import { CallbackCrypto, readCallbackQuery } from "../../src/wecom/crypto.ts";
import {
  APP_TEXT_BYTES_MAX,
  appTextBody,
  BOT_CONTENT_TYPE,
  botReplyPacket,
  emptyBotReply,
  markdownBody,
  STREAM_BYTES_MAX,
  streamReply,
  welcomeReply,
} from "../../src/wecom/payloads.ts";

function contentOf(json: string): string {
  return JSON.parse(json).stream.content;
}

function codeFrom(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return "no error";
}

describe("streamReply", () => {
  test("a first reply carries the feedback id, a later one does not", () => {
    expect(JSON.parse(streamReply({ streamId: "s1", content: "你好", finish: false, feedbackId: "f1" }))).toEqual({
      msgtype: "stream",
      stream: { id: "s1", finish: false, content: "你好", feedback: { id: "f1" } },
    });
    expect(JSON.parse(streamReply({ streamId: "s1", content: "", finish: true }))).toEqual({
      msgtype: "stream",
      stream: { id: "s1", finish: true, content: "" },
    });
  });

  test("content of 20480 bytes passes and of one more is refused, counted in bytes", () => {
    const fits = `${"好".repeat(6826)}ab`;
    expect(Buffer.byteLength(fits)).toBe(STREAM_BYTES_MAX);
    expect(contentOf(streamReply({ streamId: "s", content: fits, finish: true }))).toBe(fits);
    expect(codeFrom(() => streamReply({ streamId: "s", content: `${fits}c`, finish: true }))).toBe("internal");
  });

  test("a feedback id over 256 bytes is refused", () => {
    const reply = (feedbackId: string) => () => streamReply({ streamId: "s", content: "", finish: true, feedbackId });
    expect([codeFrom(reply("f".repeat(256))), codeFrom(reply("f".repeat(257)))]).toEqual(["no error", "internal"]);
  });

  test.each([
    ["<think>secret</think>answer", "[think]secret[/think]answer"],
    ["<THINK>a</Think>", "[THINK]a[/Think]"],
    ['<think class="x">a', '[think class="x"]a'],
    ["use the <thinking> tag", "use the <thinking> tag"],
    ["a < think > b", "a < think > b"],
    ["<thi", "<thi"],
  ])("the text %j is shown as %j, so that nothing is folded away by accident", (content, shown) => {
    expect(contentOf(streamReply({ streamId: "s", content, finish: true }))).toBe(shown);
  });

  test("no content becomes longer in bytes or leaves a lone surrogate or control character in the JSON", () => {
    const pieces = fc.constantFrom(
      "<think>",
      "</think>",
      "\u0000",
      "\u001b",
      "\ud83d",
      "\udc00",
      "\r\n",
      "你",
      "a",
      "<",
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const content = parts.join("");
        const json = streamReply({ streamId: "s", content, finish: true });
        expect(json).not.toMatch(/\\u/);
        expect(json).not.toMatch(/<\/?think>/);
        expect(Buffer.byteLength(contentOf(json))).toBeLessThanOrEqual(Buffer.byteLength(content));
      }),
    );
  });
});

describe("the other bot replies", () => {
  test("a welcome is a text, and no reply is an empty object", () => {
    expect(JSON.parse(welcomeReply("欢迎"))).toEqual({ msgtype: "text", text: { content: "欢迎" } });
    expect(emptyBotReply()).toBe("{}");
    expect(BOT_CONTENT_TYPE).toBe("text/plain; charset=utf-8");
  });

  test("a markdown body carries its feedback id, and a blank or overlong one is refused", () => {
    expect(JSON.parse(markdownBody("**a**", "f1"))).toEqual({
      msgtype: "markdown",
      markdown: { content: "**a**", feedback: { id: "f1" } },
    });
    expect(codeFrom(() => markdownBody(" \n"))).toBe("internal");
    expect(codeFrom(() => markdownBody("a".repeat(STREAM_BYTES_MAX + 1)))).toBe("internal");
  });
});

describe("botReplyPacket", () => {
  const crypto = new CallbackCrypto({
    token: new Secret("testtoken"),
    aesKey: new Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    receiverId: "",
  });

  test("the packet has its four fields, the callback's nonce, and opens to the reply", () => {
    for (const timestamp of [1_700_000_000, "1700000000"]) {
      const packet = JSON.parse(botReplyPacket(crypto, '{"a":"好"}', { timestamp, nonce: "nonce123" }));
      expect(Object.keys(packet).sort()).toEqual(["encrypt", "msgsignature", "nonce", "timestamp"]);
      expect([packet.timestamp, packet.nonce]).toEqual([1_700_000_000, "nonce123"]);
      const query = { msgSignature: packet.msgsignature, timestamp: String(packet.timestamp), nonce: packet.nonce };
      expect(crypto.open(query, packet.encrypt, { nowMs: 1_700_000_000_000, maxAgeMs: 0 })).toBe('{"a":"好"}');
    }
  });

  test("a callback's query with leading zeros in its timestamp is signed as the number that is sent", () => {
    const search = new URLSearchParams({ msg_signature: "0".repeat(40), timestamp: "01700000000", nonce: "n" });
    const packet = JSON.parse(botReplyPacket(crypto, "{}", readCallbackQuery(search)));
    const query = { msgSignature: packet.msgsignature, timestamp: String(packet.timestamp), nonce: "n" };
    expect(crypto.open(query, packet.encrypt, { nowMs: 1_700_000_000_000, maxAgeMs: 0 })).toBe("{}");
  });
});

describe("appTextBody", () => {
  const message = { toUser: "ZhangSan", agentId: 1000002, content: "你好" };

  test("the same arguments give the same bytes, in a fixed order of fields", () => {
    const body = appTextBody({ ...message, duplicateCheckSeconds: 1800 });
    expect(body).toBe(
      '{"touser":"ZhangSan","msgtype":"text","agentid":1000002,"text":{"content":"你好"},"enable_duplicate_check":1,"duplicate_check_interval":1800}',
    );
    expect(appTextBody({ duplicateCheckSeconds: 1800, ...message })).toBe(body);
  });

  test("without a duplicate check there is no word of one, and its interval is whole seconds, four hours at most", () => {
    expect(appTextBody(message)).not.toContain("duplicate");
    const interval = (duplicateCheckSeconds: number) =>
      JSON.parse(appTextBody({ ...message, duplicateCheckSeconds })).duplicate_check_interval;
    expect([interval(60.5), interval(86_400)]).toEqual([60, 14_400]);
  });

  test("2048 bytes pass, one more and blank text are refused before WeCom could cut or refuse them", () => {
    const sized = (bytes: number) => codeFrom(() => appTextBody({ ...message, content: "a".repeat(bytes) }));
    expect([sized(APP_TEXT_BYTES_MAX), sized(APP_TEXT_BYTES_MAX + 1)]).toEqual(["no error", "internal"]);
    expect(codeFrom(() => appTextBody({ ...message, content: " \n " }))).toBe("internal");
  });
});

describe("cleanText", () => {
  test("control characters go, tab and line feed stay, a lone surrogate becomes a replacement character", () => {
    expect(cleanText("a\u0000b\u001bc\td\r\ne\u007ff\ud83d")).toBe("abc\td\nef\ufffd");
  });

  test("ordinary text of any script, emoji sequences and zero-width marks stay as they are", () => {
    const text = "你好, naïve عربى 👨‍👩‍👧‍👦 a\u200bb e\u0301";
    expect([cleanText(text), cleanTextHard(text)]).toEqual([text, text]);
  });

  test("cleaning twice is cleaning once, and never adds bytes", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)) }),
        (text) => {
          for (const clean of [cleanText, cleanTextHard]) {
            const once = clean(text);
            expect(clean(once)).toBe(once);
            expect(Buffer.byteLength(once)).toBeLessThanOrEqual(Buffer.byteLength(text));
            expect(JSON.stringify(once)).not.toMatch(/\\u/);
          }
        },
      ),
    );
  });

  test("the harder cleaning also takes what nobody sees: C1 controls, private use, noncharacters", () => {
    expect(cleanTextHard("a\u0085b\ue000c\uffffd\ufeffe")).toBe("abcde");
  });
});
