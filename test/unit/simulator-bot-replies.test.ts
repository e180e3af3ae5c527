import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { type BotQuestion, openBotReply } from "../../simulator/bot-replies.ts";
import { encrypt, randomAlphanumerics, sign } from "../../simulator/platform-crypto.ts";

const keys = { token: "t0ken", aesKey: randomAlphanumerics(43), receiveId: "" };
const NONCE = "1234567890";

function packetOf(plain: string, change: Record<string, unknown> = {}, receiveId = ""): string {
  const ciphertext = encrypt(keys.aesKey, plain, receiveId);
  const signature = sign(keys.token, "1700000000", NONCE, ciphertext);
  const packet = { encrypt: ciphertext, msgsignature: signature, timestamp: 1_700_000_000, nonce: NONCE, ...change };
  return JSON.stringify(packet);
}

function judge(body: string, question: BotQuestion = "message", contentType = "text/plain; charset=utf-8") {
  const opened = openBotReply({ status: 200, contentType, body: Buffer.from(body) }, keys, NONCE, question);
  return { ...opened, rules: opened.breaches.map((breach) => breach.rule) };
}

function judgeReply(reply: object, question: BotQuestion = "message") {
  return judge(packetOf(JSON.stringify(reply)), question);
}

const streamOf = (stream: object) => ({
  msgtype: "stream",
  stream: { id: "s1", finish: false, content: "hi", ...stream },
});

describe("a reply packet of the AI bot", () => {
  test("is accepted with all four fields, as text or JSON, and with the timestamp as text", () => {
    const body = packetOf(JSON.stringify(streamOf({})));
    expect(judge(body)).toMatchObject({ rules: [], answer: { kind: "stream", stream: { id: "s1", content: "hi" } } });
    expect(judge(body, "message", "application/json").rules).toEqual([]);
    expect(judge(packetOf("{}", { timestamp: "1700000000" })).rules).toEqual([]);
  });

  test.each([
    ["is HTML", "<html></html>", "packet_not_json"],
    ["is the bare word success", "success", "packet_not_json"],
    ["is empty", "", "packet_not_json"],
    ["has no signature", packetOf("{}", { msgsignature: undefined }), "packet_fields_missing"],
    ["has no nonce", packetOf("{}", { nonce: undefined }), "packet_fields_missing"],
    ["has a nonce of its own", packetOf("{}", { nonce: "999" }), "packet_nonce"],
    ["is signed wrongly", packetOf("{}", { msgsignature: "0".repeat(40) }), "packet_signature"],
    ["is for another receiver", packetOf("{}", {}, "wwcorp"), "packet_receiver"],
    ["holds no JSON", packetOf("hello"), "reply_malformed"],
  ])("that %s is a violation and does nothing", (_, body, rule) => {
    const { rules, answer } = judge(body);
    expect(rules).toEqual([rule]);
    expect(answer).toBeUndefined();
  });

  test("with a foreign key cannot be opened", () => {
    const ciphertext = encrypt(randomAlphanumerics(43), "{}", "");
    const body = packetOf("{}", {
      encrypt: ciphertext,
      msgsignature: sign(keys.token, "1700000000", NONCE, ciphertext),
    });
    expect(judge(body).rules).toEqual(["packet_undecryptable"]);
  });

  test("with another content type is usable and a violation", () => {
    const { rules, answer } = judge(packetOf("{}"), "message", "text/html");
    expect(rules).toEqual(["packet_content_type"]);
    expect(answer).toEqual({ kind: "empty" });
  });
});

describe("what may answer what", () => {
  const text = { msgtype: "text", text: { content: "hello" } };
  const card = {
    msgtype: "template_card",
    template_card: {
      card_type: "text_notice",
      main_title: { title: "t" },
      card_action: { type: 1, url: "https://a.b" },
    },
  };
  const cases: [BotQuestion, object, boolean][] = [
    ["message", streamOf({}), true],
    ["message", card, true],
    ["message", {}, true],
    ["message", text, false],
    ["message", { msgtype: "markdown", markdown: { content: "hello" } }, false],
    ["poll", streamOf({}), true],
    ["poll", text, false],
    ["poll", card, false],
    ["enter_chat", text, true],
    ["enter_chat", card, true],
    ["enter_chat", streamOf({}), false],
    ["feedback_event", {}, true],
    ["feedback_event", text, false],
  ];
  test.each(cases)("%s answered with %j", (question, reply, allowed) => {
    const { rules, answer } = judgeReply(reply, question);
    expect(rules).toEqual(allowed ? [] : ["reply_not_allowed"]);
    expect(answer !== undefined).toBe(allowed);
  });
});

describe("the fields of a stream", () => {
  test("20480 bytes are accepted, one more is a violation", () => {
    expect(judgeReply(streamOf({ content: `${"好".repeat(6_826)}xx` })).rules).toEqual([]);
    expect(judgeReply(streamOf({ content: "好".repeat(6_827) })).rules).toEqual(["stream_too_long"]);
  });

  test.each([
    ["no id", { id: undefined }, "stream_id_missing"],
    ["an empty id", { id: "" }, "stream_id_missing"],
    ["finish as a number", { finish: 1 }, "stream_field_wrong"],
    ["content as a list", { content: ["a"] }, "stream_field_wrong"],
    ["half a surrogate pair", { content: "\ud83d" }, "stream_field_wrong"],
    ["a feedback id of 257 bytes", { feedback: { id: "f".repeat(257) } }, "feedback_id_too_long"],
    [
      "a picture before finish",
      { msg_item: [{ msgtype: "image", image: { base64: "QQ==", md5: "x" } }] },
      "images_wrong",
    ],
  ])("%s is a violation", (_, stream, rule) => {
    expect(judgeReply(streamOf(stream)).rules).toEqual([rule]);
  });

  test("pictures come with finish, with their md5, and at most ten", () => {
    const bytes = Buffer.from("not really a picture");
    const image = { base64: bytes.toString("base64"), md5: createHash("md5").update(bytes).digest("hex") };
    const items = (count: number) => Array.from({ length: count }, () => ({ msgtype: "image", image }));
    expect(judgeReply(streamOf({ finish: true, msg_item: items(10) })).rules).toEqual([]);
    expect(judgeReply(streamOf({ finish: true, msg_item: items(11) })).rules).toEqual(["images_wrong"]);
    const wrong = [{ msgtype: "image", image: { ...image, md5: "0" } }];
    expect(judgeReply(streamOf({ finish: true, msg_item: wrong })).rules).toEqual(["images_wrong"]);
  });
});
