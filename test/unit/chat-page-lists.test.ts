import { describe, expect, test } from "@jest/globals";
import {
  addPackets,
  countKinds,
  exchangeOf,
  MESSAGES_MAX,
  PACKETS_MAX,
  preview,
  upsert,
  viewKeyOf,
} from "../../simulator/chat/message-list.js";
import { Threads } from "../../simulator/chat/threads.js";
import type { ChatMessage, Packet, PendingMessage } from "../../simulator/chat/types.d.ts";

const message = (id: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  viewKey: "bot:zhangsan",
  from: { kind: "bot", name: "应答助手" },
  text: id,
  format: "text",
  atMs: 0,
  state: "finished",
  ...more,
});

const packet = (id: string, kind = "stream poll"): Packet => ({
  id,
  atMs: 0,
  direction: "to_service",
  kind,
  status: 200,
  tookMs: 1,
  raw: "",
  plain: "",
});

const pending = (id: string, text: string): PendingMessage => ({
  ...message(id, { from: { kind: "member", userId: "zhangsan", name: "张三" }, text, state: "sending" }),
  outgoing: { chatId: "bot", as: "zhangsan", text },
});

describe("threads of the chat page", () => {
  test("private chats have a thread for each member, a group has one for all", () => {
    expect(viewKeyOf({ id: "app", kind: "app" }, "lisi")).toBe("app:lisi");
    expect(viewKeyOf({ id: "bot", kind: "bot_single" }, "lisi")).toBe("bot:lisi");
    expect(viewKeyOf({ id: "wr1", kind: "bot_group" }, "lisi")).toBe("wr1");
  });

  test("a newer version of a message takes its place, the others keep theirs", () => {
    const list = [message("a"), message("b"), message("c")];
    const changed = upsert(list, message("b", { text: "新" }));
    expect(changed.isNew).toBe(false);
    expect(changed.list.map(({ text }) => text)).toEqual(["a", "新", "c"]);
    expect(changed.list[0]).toBe(list[0]);
  });

  test("a thread never grows past its bound, and says that it lost messages", () => {
    const threads = new Threads();
    for (let index = 0; index < MESSAGES_MAX + 20; index += 1) threads.put(message(`m${index}`));
    expect(threads.of("bot:zhangsan")).toHaveLength(MESSAGES_MAX);
    expect(threads.of("bot:zhangsan")[0]?.id).toBe("m20");
    expect(threads.isShortened("bot:zhangsan")).toBe(true);
  });

  test("one's own message shows once, though its event overtakes the answer to its request", () => {
    const threads = new Threads();
    threads.addPending(pending("p1", "你好"));
    const confirmed = message("m1", { from: { kind: "member", userId: "zhangsan", name: "张三" }, text: "你好" });
    threads.settlePending(confirmed);
    threads.put(confirmed);
    expect(threads.of("bot:zhangsan").map(({ id }) => id)).toEqual(["m1"]);
  });

  test("a later change of a confirmed message does not swallow the same words sent again", () => {
    const threads = new Threads();
    const confirmed = message("m1", { from: { kind: "member", userId: "zhangsan", name: "张三" }, text: "你好" });
    threads.put(confirmed);
    threads.addPending(pending("p2", "你好"));
    threads.settlePending({ ...confirmed, state: "delivered" });
    expect(threads.of("bot:zhangsan").map(({ id }) => id)).toEqual(["m1", "p2"]);
  });

  test("a refused message stays, with the reason, until it is dropped", () => {
    const threads = new Threads();
    const refused = pending("p1", "你好");
    threads.addPending(refused);
    threads.failPending(refused, "太长");
    expect(threads.of("bot:zhangsan")).toMatchObject([{ state: "failed", reason: "太长" }]);
    threads.dropPending(refused);
    expect(threads.of("bot:zhangsan")).toEqual([]);
  });

  test("taking over the simulator's state tells which messages are new", () => {
    const threads = new Threads();
    threads.put(message("a"));
    expect(threads.replaceAll({ "bot:zhangsan": [message("a"), message("b")] }).map(({ id }) => id)).toEqual(["b"]);
    expect(threads.of("bot:zhangsan")).toHaveLength(2);
  });

  test("an exchange is the question and all its answers, from whichever of them", () => {
    const list = [message("q"), message("a1", { replyTo: "q" }), message("a2", { replyTo: "q" }), message("x")];
    for (const id of ["q", "a1", "a2"]) expect([...exchangeOf(list, id)].toSorted()).toEqual(["a1", "a2", "q"]);
    expect([...exchangeOf(list, "x")]).toEqual(["x"]);
  });
});

describe("packets of the chat page", () => {
  test("the oldest packets go, and a packet that came before is not shown twice", () => {
    const many = Array.from({ length: PACKETS_MAX }, (_, index) => packet(`p${index}`));
    const list = addPackets(addPackets([], many), [packet("p5"), packet("new")]);
    expect(list).toHaveLength(PACKETS_MAX);
    expect(list[0]?.id).toBe("p1");
    expect(list.at(-1)?.id).toBe("new");
  });

  test("kinds are counted in the order of their first packet", () => {
    const counts = countKinds([packet("1", "callback text"), packet("2"), packet("3"), packet("4", "gettoken")]);
    expect([...counts]).toEqual([
      ["callback text", 1],
      ["stream poll", 2],
      ["gettoken", 1],
    ]);
  });
});

describe("preview of a message", () => {
  test("markup and line breaks are left out", () => {
    expect(preview("# 标题\n\n**重点** 见[文档](https://a.example)\n```ts\nx\n```", 40)).toBe("标题 重点 见文档 x");
  });

  test("what the model thinks is not part of it", () => {
    expect(preview("<think>想</think>答", 40)).toBe("答");
    expect(preview("<think>还在想", 40)).toBe("");
  });

  test("it is cut with a sign, and never through a character", () => {
    expect(preview("一二三四五", 3)).toBe("一二三…");
    expect(preview("一二😀四", 3)).toBe("一二…");
  });
});
