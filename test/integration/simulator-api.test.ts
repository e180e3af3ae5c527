import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";

/** The active API (wecom-protocol 3), called over real HTTP as any service would. */

let platform: WeComPlatform;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.now();
  platform = await startWeComPlatform({
    app: { agentId: 1_000_002 },
    foreignAgentIds: [1_000_009],
    members: [
      { userId: "LiSi", name: "李四" },
      { userId: "wangwu", name: "王五", departments: [7] },
      { userId: "hidden", name: "不可见", visible: false },
      { userId: "left", name: "已离职", status: 5 },
    ],
    nowMs: () => nowMs,
  });
});
afterEach(async () => {
  await platform.stop();
});

// biome-ignore lint/suspicious/noExplicitAny: the answers of the API are read field by field
type Answer = any;

async function get(path: string): Promise<Answer> {
  return (await fetch(`${platform.url}/cgi-bin/${path}`)).json();
}

async function post(path: string, body: unknown): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return (await fetch(`${platform.url}/cgi-bin/${path}`, { method: "POST", body: text })).json();
}

async function token(): Promise<string> {
  return (await get(`gettoken?corpid=${platform.corpId}&corpsecret=${platform.app.secret}`)).access_token;
}

async function send(change: Record<string, unknown>, accessToken?: string): Promise<Answer> {
  const body = { touser: "lisi", msgtype: "text", agentid: 1_000_002, text: { content: "hello" }, ...change };
  return post(`message/send?access_token=${accessToken ?? (await token())}`, body);
}

const texts = (userId: string) => platform.inbox(userId).map((message) => message.text);

describe("gettoken", () => {
  test("gives the same token within its life, and says how long it still lives", async () => {
    const path = `gettoken?corpid=${platform.corpId}&corpsecret=${platform.app.secret}`;
    const first = await get(path);
    expect(first).toMatchObject({ errcode: 0, expires_in: 7200 });
    nowMs += 200_000;
    expect(await get(path)).toMatchObject({ access_token: first.access_token, expires_in: 7000 });
    nowMs += 7_000_001;
    const next = await get(path);
    expect(next.access_token).not.toBe(first.access_token);
    expect(platform.calls.map((call) => call.tokenSerial)).toEqual([1, 1, 2]);
  });

  test.each([
    ["a wrong corpid", () => `gettoken?corpid=ww0&corpsecret=${platform.app.secret}`, 40013],
    ["a wrong secret", () => `gettoken?corpid=${platform.corpId}&corpsecret=no`, 40001],
    ["no secret", () => `gettoken?corpid=${platform.corpId}`, 41004],
  ])("refuses %s", async (_, path, errcode) => {
    expect(await get(path())).toMatchObject({ errcode });
  });

  test("never puts a secret or token into the record of calls", async () => {
    const accessToken = await token();
    await send({}, accessToken);
    const record = JSON.stringify(platform.calls);
    expect(record).not.toContain(accessToken);
    expect(record).not.toContain(platform.app.secret);
    expect(record).toContain("access_token=***");
  });
});

describe("an access token", () => {
  test("that is missing, unknown, revoked or expired is refused with the code of its case", async () => {
    expect(await post("message/send", {})).toMatchObject({ errcode: 41001 });
    expect(await send({}, "nonsense")).toMatchObject({ errcode: 40014 });
    const revoked = await token();
    platform.revokeTokens();
    expect(await send({}, revoked)).toMatchObject({ errcode: 40014 });
    const expired = await token();
    expect(expired).not.toBe(revoked);
    nowMs += 7_200_000;
    expect(await send({}, expired)).toMatchObject({ errcode: 42001 });
    expect(texts("lisi")).toEqual([]);
  });
});

describe("message/send", () => {
  test("delivers to valid members without regard to case, once each, and names the others in lower case", async () => {
    const answer = await send({ touser: "LISI|lisi|WANGWU|NoBody|hidden|left" });
    expect(answer).toMatchObject({ errcode: 0, invaliduser: "nobody|hidden|left" });
    expect([texts("LiSi"), texts("wangwu"), texts("hidden")]).toEqual([["hello"], ["hello"], []]);
  });

  test("reaches everybody in range with @all, and departments with toparty", async () => {
    await send({ touser: "@all" });
    expect(await send({ touser: undefined, toparty: "7|8" })).toMatchObject({ errcode: 0, invalidparty: "8" });
    expect([texts("lisi").length, texts("wangwu").length]).toEqual([1, 2]);
  });

  test.each<[string, Record<string, unknown>, number]>([
    ["nobody valid", { touser: "nobody" }, 81013],
    ["nobody at all", { touser: undefined }, 40035],
    ["an agentid as text", { agentid: "1000002" }, 40056],
    ["the agentid of another app", { agentid: 1_000_009 }, 301002],
    ["an unknown msgtype", { msgtype: "stream" }, 40008],
    ["an empty text", { text: { content: "" } }, 44004],
    ["a text of spaces", { text: { content: " \n" } }, 44004],
    ["an empty markdown", { msgtype: "markdown", markdown: { content: "" } }, 44004],
    ["a markdown of 2049 bytes", { msgtype: "markdown", markdown: { content: "x".repeat(2_049) } }, 45002],
    ["a media_id that never was", { msgtype: "image", image: { media_id: "m" } }, 40007],
    ["more than 1000 receivers", { touser: Array.from({ length: 1_001 }, (_, i) => `u${i}`).join("|") }, 40032],
    ["a card without task_id", { msgtype: "template_card", template_card: { card_type: "button_interaction" } }, 40035],
  ])("refuses %s", async (_, change, errcode) => {
    expect(await send(change)).toMatchObject({ errcode });
    expect(texts("lisi")).toEqual([]);
  });

  test("refuses what is no JSON, and unicode escapes as JSON.stringify makes them of a lone surrogate", async () => {
    const accessToken = await token();
    expect(await post(`message/send?access_token=${accessToken}`, "{")).toMatchObject({ errcode: 47001 });
    expect(await send({ text: { content: "half \ud83d" } }, accessToken)).toMatchObject({ errcode: 40033 });
    // an escaped backslash before a `u` is no escape
    expect(await send({ text: { content: "C:\\users" } }, accessToken)).toMatchObject({ errcode: 0 });
  });

  test("cuts a text over 2048 bytes without a word, on a whole character, and notes it as a violation", async () => {
    expect(await send({ text: { content: "好".repeat(683) } })).toMatchObject({ errcode: 0, errmsg: "ok" });
    const [message] = platform.inbox("lisi");
    expect(message?.text).toBe("好".repeat(682));
    expect(message?.cut).toEqual({ sentBytes: 2_049, shownBytes: 2_046 });
    expect(platform.violations.map((violation) => violation.rule)).toEqual(["text_cut"]);
  });

  test("accepts an identical request again without delivering it, until the interval is over", async () => {
    const accessToken = await token();
    const change = { enable_duplicate_check: 1, duplicate_check_interval: 60 };
    const answers = [await send(change, accessToken), await send(change, accessToken)];
    expect(answers).toMatchObject([{ errcode: 0 }, { errcode: 0, msgid: expect.any(String) }]);
    await send({ ...change, text: { content: "other" } }, accessToken);
    await send({}, accessToken);
    await send({}, accessToken);
    nowMs += 60_000;
    await send(change, accessToken);
    expect(texts("lisi")).toEqual(["hello", "other", "hello", "hello", "hello"]);
    expect(platform.sends.map((record) => record.duplicate)).toEqual([false, true, false, false, false, false]);
  });

  test("silently drops what is over 30 a minute for one member, and says 0 all the same", async () => {
    const accessToken = await token();
    for (let count = 1; count <= 31; count += 1) {
      expect(await send({ text: { content: `${count}` } }, accessToken)).toMatchObject({ errcode: 0 });
    }
    expect(texts("lisi")).toHaveLength(30);
    expect(platform.sends.at(-1)?.dropped).toEqual([{ userId: "LiSi", why: "minute_limit" }]);
    await send({ touser: "wangwu" }, accessToken);
    expect(texts("wangwu")).toEqual(["hello"]);
    nowMs += 60_000;
    await send({ text: { content: "later" } }, accessToken);
    expect(texts("lisi").at(-1)).toBe("later");
  });

  test("drops everything on demand and says 0", async () => {
    platform.setFaults({ dropSends: true });
    expect(await send({})).toMatchObject({ errcode: 0, msgid: expect.any(String) });
    expect(texts("lisi")).toEqual([]);
  });
});

describe("a card", () => {
  const card = {
    card_type: "button_interaction",
    main_title: { title: "待审核" },
    button_list: [
      { text: "通过", key: "ok" },
      { text: "驳回", key: "no" },
    ],
    task_id: "review_1",
  };

  test("is changed once with its response_code, for the members named", async () => {
    const accessToken = await token();
    const sent = await send({ touser: "lisi|wangwu", msgtype: "template_card", template_card: card }, accessToken);
    const update = {
      userids: ["LISI"],
      agentid: 1_000_002,
      response_code: sent.response_code,
      button: { replace_name: "已处理" },
    };
    const path = `message/update_template_card?access_token=${accessToken}`;
    expect(await post(path, update)).toMatchObject({ errcode: 0, invaliduser: [] });
    expect(await post(path, update)).toMatchObject({ errcode: 40035 });
    expect([texts("lisi"), texts("wangwu")]).toEqual([["待审核\n[已处理]"], ["待审核\n[通过] [驳回]"]]);
  });

  test("with a bare notice has no response_code", async () => {
    const notice = {
      card_type: "text_notice",
      main_title: { title: "t" },
      card_action: { type: 1, url: "https://a.b" },
    };
    const sent = await send({ msgtype: "template_card", template_card: notice });
    expect([sent.errcode, sent.response_code]).toEqual([0, undefined]);
  });
});

test("a message is recalled within a day, not later, and an unknown one never", async () => {
  const accessToken = await token();
  const first = await send({}, accessToken);
  const path = `message/recall?access_token=${accessToken}`;
  expect(await post(path, { msgid: first.msgid })).toMatchObject({ errcode: 0 });
  expect(platform.inbox("lisi")[0]?.recalled).toBe(true);
  expect(await post(path, { msgid: "none" })).toMatchObject({ errcode: 40035 });
  const second = await send({}, accessToken);
  nowMs += 25 * 3_600_000;
  expect(await post(`message/recall?access_token=${await token()}`, { msgid: second.msgid })).toMatchObject({
    errcode: 40035,
  });
});

test("user/get reads members in range and without private fields, whatever the case of the id", async () => {
  const accessToken = await token();
  const user = await get(`user/get?access_token=${accessToken}&userid=LISI`);
  expect(user).toMatchObject({ errcode: 0, userid: "LiSi", name: "李四", department: [1], status: 1 });
  expect(Object.keys(user)).not.toEqual(expect.arrayContaining(["mobile", "email", "avatar"]));
  expect(await get(`user/get?access_token=${accessToken}&userid=nobody`)).toMatchObject({ errcode: 60111 });
  expect(await get(`user/get?access_token=${accessToken}&userid=hidden`)).toMatchObject({ errcode: 60011 });
});

describe("media", () => {
  async function upload(type: string, bytes: Buffer): Promise<Answer> {
    const form = new FormData();
    form.append("media", new Blob([new Uint8Array(bytes)], { type: "text/plain" }), "报告.txt");
    const url = `${platform.url}/cgi-bin/media/upload?access_token=${await token()}&type=${type}`;
    return (await fetch(url, { method: "POST", body: form })).json();
  }

  test("comes back byte for byte, whole and in parts, for three days", async () => {
    const bytes = createHash("sha512").update("x").digest();
    const { media_id, created_at, type } = await upload("file", bytes);
    expect([type, typeof created_at]).toEqual(["file", "string"]);
    const url = async () => `${platform.url}/cgi-bin/media/get?access_token=${await token()}&media_id=${media_id}`;
    const whole = await fetch(await url());
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
    expect(decodeURIComponent(whole.headers.get("content-disposition") ?? "")).toContain("报告.txt");
    const part = await fetch(await url(), { headers: { range: "bytes=10-19" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 10-19/64"]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
    nowMs += 3 * 24 * 3_600_000;
    expect(await (await fetch(await url())).json()).toMatchObject({ errcode: 40007 });
  });

  test("is refused by type and size", async () => {
    expect(await upload("sticker", Buffer.alloc(10))).toMatchObject({ errcode: 40004 });
    expect(await upload("file", Buffer.alloc(0))).toMatchObject({ errcode: 44001 });
    expect(await upload("file", Buffer.alloc(5))).toMatchObject({ errcode: 40006 });
    expect(await upload("voice", Buffer.alloc(2 * 1024 * 1024 + 1))).toMatchObject({ errcode: 40006 });
  });
});

describe("faults on demand", () => {
  test("strike the nth call, so many times, with the code asked for", async () => {
    const accessToken = await token();
    platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: -1 }, after: 2, times: 2 });
    const answers = [];
    for (let count = 0; count < 5; count += 1) answers.push((await send({}, accessToken)).errcode);
    expect(answers).toEqual([0, 0, -1, -1, 0]);
    expect(texts("lisi")).toHaveLength(3);
  });

  test("a 60020 shows the caller's address in its message", async () => {
    platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: 60020 } });
    expect(await send({})).toMatchObject({ errcode: 60020, errmsg: expect.stringMatching(/from ip: 203\.0\.113\.7/) });
  });

  test("until cleared, or until taken away", async () => {
    const accessToken = await token();
    const off = platform.fault({ call: "*", effect: { kind: "errcode", errcode: 45009 }, times: "until_cleared" });
    for (let count = 0; count < 3; count += 1) expect(await send({}, accessToken)).toMatchObject({ errcode: 45009 });
    off();
    expect(await send({}, accessToken)).toMatchObject({ errcode: 0 });
    platform.fault({ call: "*", effect: { kind: "http_status", status: 502 }, times: "until_cleared" });
    expect((await fetch(`${platform.url}/cgi-bin/gettoken`)).status).toBe(502);
    platform.clearFaults();
    expect((await fetch(`${platform.url}/cgi-bin/gettoken`)).status).toBe(200);
  });

  test("the ambiguous send: the message is there, the answer is never seen; or neither", async () => {
    const accessToken = await token();
    platform.fault({ call: "message/send", effect: { kind: "hang_up", when: "after_effect" } });
    await expect(send({ text: { content: "arrived" } }, accessToken)).rejects.toThrow("fetch failed");
    platform.fault({ call: "message/send", effect: { kind: "hang_up" } });
    await expect(send({ text: { content: "lost" } }, accessToken)).rejects.toThrow("fetch failed");
    expect(texts("lisi")).toEqual(["arrived"]);
    expect(platform.calls.slice(-2).map((call) => call.outcome)).toEqual(["cut", "cut"]);
  });

  test("a slow platform answers late", async () => {
    const accessToken = await token();
    platform.setFaults({ slowPlatformMs: 80 });
    const startedMs = performance.now();
    await send({}, accessToken);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(79);
  });

  test("more calls at the same time than the platform bears get 45033", async () => {
    const narrow = await startWeComPlatform({ limits: { concurrentCallsMax: 2 } });
    narrow.setFaults({ slowPlatformMs: 400 });
    const path = `${narrow.url}/cgi-bin/gettoken?corpid=${narrow.corpId}&corpsecret=${narrow.app.secret}`;
    const codes = await Promise.all(
      Array.from({ length: 3 }, async () => ((await (await fetch(path)).json()) as Answer).errcode),
    );
    await narrow.stop();
    expect(codes).toContain(45033);
  });

  test("figures out of range are refused", () => {
    expect(() => platform.setFaults({ copies: 0 })).toThrow("copies");
    expect(() => platform.setFaults({ slowPlatformMs: Number.NaN })).toThrow("slowPlatformMs");
    expect(platform.faults.copies).toBe(1);
  });
});

test("a wrong method, a body without end and an unknown path are refused without harm", async () => {
  expect(await get("message/send")).toMatchObject({ errcode: 43002 });
  const large = await fetch(`${platform.url}/cgi-bin/message/send`, { method: "POST", body: "x".repeat(9_000_000) });
  expect(large.status).toBe(413);
  expect((await fetch(`${platform.url}/cgi-bin/nothing`)).status).toBe(404);
  expect((await fetch(`${platform.url}/bot-media/..%2f..%2fetc`)).status).toBe(404);
});

test("getcallbackip gives addresses and patterns", async () => {
  expect(await get(`getcallbackip?access_token=${await token()}`)).toMatchObject({
    ip_list: expect.arrayContaining([expect.stringMatching(/^\d+\.\d+\.\d+\.\*$/)]),
  });
});
