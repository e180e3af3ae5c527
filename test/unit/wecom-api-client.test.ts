import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import type { StoredToken, TokenStore } from "../../src/wecom/access-token.ts";
import { WeComApi, type WeComApiOptions } from "../../src/wecom/api-client.ts";
import { type ApiServer, recordedEvents, startApiServer, steppedClock } from "../support/wecom-api-server.ts";

const SECRET = "canary-corp-secret";
const SEND = "/cgi-bin/message/send";
const TOKEN_PATH = "/cgi-bin/gettoken";
const never = new AbortController().signal;

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

function memoryStore(): TokenStore {
  let stored: StoredToken | null = null;
  return {
    read: async () => stored,
    write: async (token) => {
      stored = token;
    },
    drop: async (token) => {
      if (stored?.token === token) stored = null;
    },
    lock: async () => async () => {},
  };
}

/** A client whose token is `canary-token-<n>`; `answers` are those of message/send and user/get, in order, the last one again and again. */
function client(answers: ApiServer["answer"] | Record<string, unknown>[], options: Partial<WeComApiOptions> = {}) {
  const { events, lines, alerts } = recordedEvents();
  const clock = steppedClock();
  server.answer = (request, nth) => {
    if (request.path === TOKEN_PATH) {
      return { errcode: 0, errmsg: "ok", access_token: `canary-token-${nth}`, expires_in: 7200 };
    }
    if (typeof answers === "function") return answers(request, nth);
    return answers[Math.min(nth, answers.length) - 1] ?? {};
  };
  const api = new WeComApi({
    baseUrl: server.url,
    corpId: "ww1",
    agentId: "1000002",
    secret: new Secret(SECRET),
    tokenStore: memoryStore(),
    events,
    clock,
    ...options,
  });
  return { api, clock, lines, alerts };
}

const ok = { errcode: 0, errmsg: "ok", msgid: "msg-1" };
const refused = (errcode: number, errmsg = "error") => ({ errcode, errmsg });
const text = { toUser: "ZhangSan", content: "你好", signal: never, traceId: "trace-1" };

async function failureOf(promise: Promise<unknown>): Promise<YingdaError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof YingdaError)) throw error;
  return error;
}

describe("WeComApi.sendText", () => {
  test("a text goes out as raw UTF-8 JSON with the token in the query, and gives the message id", async () => {
    const { api } = client([ok]);
    expect(await api.sendText({ ...text, duplicateCheckSeconds: 1800 })).toEqual({ msgId: "msg-1" });
    const [gettoken, send] = server.requests;
    expect([gettoken?.method, gettoken?.path, Object.fromEntries(gettoken?.query ?? [])]).toEqual([
      "GET",
      TOKEN_PATH,
      { corpid: "ww1", corpsecret: SECRET },
    ]);
    expect([send?.method, send?.path, Object.fromEntries(send?.query ?? [])]).toEqual([
      "POST",
      SEND,
      { access_token: "canary-token-1" },
    ]);
    expect(send?.contentType).toBe("application/json; charset=utf-8");
    expect(send?.body).toBe(
      '{"touser":"ZhangSan","msgtype":"text","agentid":1000002,"text":{"content":"你好"},"enable_duplicate_check":1,"duplicate_check_interval":1800}',
    );
  });

  test("the same arguments give the same body bytes, in every process; other text gives others", async () => {
    const { api } = client([ok]);
    await api.sendText({ ...text, duplicateCheckSeconds: 60 });
    await client([ok]).api.sendText({ ...text, duplicateCheckSeconds: 60, traceId: "trace-2" });
    await api.sendText({ ...text, content: "你好\u200b", duplicateCheckSeconds: 60 });
    const bodies = server.requests.filter((request) => request.path === SEND).map((request) => request.body);
    expect(bodies[1]).toBe(bodies[0]);
    expect(bodies[2]).not.toBe(bodies[0]);
  });

  test("many sends at once share one token", async () => {
    const { api } = client([ok]);
    await Promise.all(Array.from({ length: 20 }, () => api.sendText(text)));
    expect([server.count(TOKEN_PATH), server.count(SEND)]).toEqual([1, 20]);
  });

  test("control characters and lone surrogates are cleaned before anything is sent", async () => {
    const { api } = client([ok]);
    await api.sendText({ ...text, content: "a\u0000b\ud83d\u001bc\r\nd" });
    expect(JSON.parse(server.requests[1]?.body ?? "").text.content).toBe("ab\ufffdc\nd");
    expect(server.requests[1]?.body).not.toContain("\\u");
  });

  test("a 40033 in spite of that is cleaned harder and repeated once", async () => {
    const { api } = client([refused(40033), ok]);
    await api.sendText({ ...text, content: "a\ue000b\u0085c" });
    expect(server.requests.slice(1).map((request) => JSON.parse(request.body).text.content)).toEqual([
      "a\ue000b\u0085c",
      "abc",
    ]);
  });

  test("a 40033 on text that cannot be cleaned further is refused at once", async () => {
    const { api } = client([refused(40033)]);
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_refused");
    expect(server.count(SEND)).toBe(1);
  });

  test.each([40014, 42001])("errcode %d: one new token, one repeat", async (errcode) => {
    const { api } = client([refused(errcode), ok]);
    expect(await api.sendText(text)).toEqual({ msgId: "msg-1" });
    const tokens = server.requests.filter((r) => r.path === SEND).map((r) => r.query.get("access_token"));
    expect(tokens).toEqual(["canary-token-1", "canary-token-2"]);
    expect(server.count(TOKEN_PATH)).toBe(2);
  });

  test("a fresh token that is refused again ends it: no third try", async () => {
    const { api } = client([refused(40014)]);
    const error = await failureOf(api.sendText(text));
    expect([error.code, error.retryable]).toEqual(["wecom_credentials", true]);
    expect(server.count(SEND)).toBe(2);
    // Neither is the one that was refused last used by the next call.
    await failureOf(api.sendText(text));
    expect(server.requests.filter((r) => r.path === SEND)[2]?.query.get("access_token")).toBe("canary-token-3");
  });

  test.each([-1, 45033])(
    "errcode %d is tried three times with growing waits, then told as retryable",
    async (errcode) => {
      const { api, clock } = client([refused(errcode)]);
      const error = await failureOf(api.sendText(text));
      expect(error.retryable).toBe(true);
      expect(server.count(SEND)).toBe(3);
      expect(clock.slept).toHaveLength(2);
      const [first = 0, second = 0] = clock.slept;
      expect(first).toBeGreaterThanOrEqual(400);
      expect(second).toBeGreaterThanOrEqual(800);
      expect(second).toBeLessThanOrEqual(3000);
    },
  );

  test("busy once, then well: the send succeeds", async () => {
    const { api } = client([refused(-1), ok]);
    expect(await api.sendText(text)).toEqual({ msgId: "msg-1" });
  });

  test("a rate limit is not waited for here: it is told with the length of the block", async () => {
    const { api, clock } = client([refused(45009)]);
    const error = await failureOf(api.sendText(text));
    expect([error.code, error.retryable, error.retryAfterMs]).toEqual(["wecom_rate_limited", true, 60_000]);
    expect([server.count(SEND), clock.slept]).toEqual([1, []]);
  });

  test.each([40003, 60111, 46004, 81013, 82001])("errcode %d is wecom_recipient, final", async (errcode) => {
    const { api } = client([refused(errcode)]);
    const error = await failureOf(api.sendText(text));
    expect([error.code, error.retryable, server.count(SEND)]).toEqual(["wecom_recipient", false, 1]);
    expect(error.details).toMatchObject({ errcode, call: "message/send" });
  });

  test.each([
    ["invaliduser", { invaliduser: "zhangsan" }],
    ["unlicenseduser", { unlicenseduser: "zhangsan" }],
  ])("errcode 0 with the member in %s is wecom_recipient: nothing was delivered", async (_name, fields) => {
    const { api } = client([{ ...ok, ...fields }]);
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_recipient");
  });

  test("an answer without a msgid, or with empty lists, is a success", async () => {
    const { api } = client([{ errcode: 0, errmsg: "ok", invaliduser: "", invalidparty: "", invalidtag: "" }]);
    expect(await api.sendText(text)).toEqual({ msgId: null });
  });

  test.each([40058, 44004, 45002, 999999])("errcode %d is wecom_refused, final", async (errcode) => {
    const { api, alerts } = client([refused(errcode)]);
    const error = await failureOf(api.sendText(text));
    expect([error.code, error.retryable, alerts()]).toEqual(["wecom_refused", false, []]);
  });

  test("blank, overlong text and several receivers are refused before anything is sent", async () => {
    const { api } = client([ok]);
    const codes = [];
    for (const over of [
      { content: " \u0000\n" },
      { content: "好".repeat(683) },
      { toUser: "@all" },
      { toUser: "a|b" },
      { toUser: "" },
    ]) {
      codes.push((await failureOf(api.sendText({ ...text, ...over }))).code);
    }
    expect(codes).toEqual(["internal", "internal", "wecom_recipient", "wecom_recipient", "wecom_recipient"]);
    expect(server.requests).toHaveLength(0);
  });
});

describe("WeComApi and what only a person can mend", () => {
  test("a bad secret is asked about once, alerted once, and never retried", async () => {
    const { api, alerts } = client([ok]);
    server.answer = () => refused(40001, "invalid credential, hint: [1700000000_ab], from ip: 203.0.113.7");
    for (let call = 0; call < 4; call += 1) {
      const error = await failureOf(api.sendText(text));
      expect([error.code, error.retryable]).toEqual(["wecom_credentials", false]);
    }
    expect(server.count(TOKEN_PATH)).toBe(1);
    expect(alerts()).toEqual(["wecom_credentials"]);
  });

  test("an address that is not on the allow-list gives one alert that names it", async () => {
    const { api, alerts, lines } = client([
      refused(60020, "not allow to access from your ip, hint: [1_x], from ip: 203.0.113.7, more info"),
    ]);
    for (let call = 0; call < 3; call += 1) {
      const error = await failureOf(api.sendText(text));
      expect([error.code, error.retryable]).toEqual(["wecom_ip_not_allowed", false]);
      expect(error.message).toContain("203.0.113.7");
    }
    expect(alerts()).toEqual(["wecom_ip_not_allowed"]);
    expect(lines.find((line) => line.includes('"alert"'))).toContain("203.0.113.7");
    expect(server.count(SEND)).toBe(3);
  });

  test("the same cause is alerted again after an hour, another cause at once", async () => {
    const { api, alerts, clock } = client((_request, nth) =>
      refused(nth <= 2 ? 60020 : nth === 3 ? 50003 : 60020, "from ip: 203.0.113.7"),
    );
    for (let call = 0; call < 3; call += 1) await failureOf(api.sendText(text));
    expect(alerts()).toEqual(["wecom_ip_not_allowed", "wecom_app_config"]);
    clock.now += 3_600_000;
    await failureOf(api.sendText(text));
    expect(alerts()).toHaveLength(3);
  });

  test("a secret that was mended is found within a minute", async () => {
    const { api, clock } = client([ok]);
    const right = server.answer;
    server.answer = () => refused(40001);
    await failureOf(api.sendText(text));
    server.answer = right;
    clock.now += 60_000;
    expect(await api.sendText(text)).toEqual({ msgId: "msg-1" });
  });

  test("81013 tells the operator that the visible range is too small", async () => {
    const { api, alerts } = client([refused(81013)]);
    await failureOf(api.sendText(text));
    await failureOf(api.sendText({ ...text, toUser: "LiSi" }));
    expect(alerts()).toEqual(["wecom_recipient"]);
  });
});

describe("WeComApi and a network that fails", () => {
  const timeouts = { answerMs: 150, wholeMs: 400 };
  const hang = () => () => {};

  test("with a duplicate check a hanging platform is tried three times, all with the same bytes", async () => {
    const { api } = client(hang, { timeouts });
    const error = await failureOf(api.sendText({ ...text, duplicateCheckSeconds: 1800 }));
    expect([error.code, error.retryable, error.details]).toEqual([
      "wecom_unreachable",
      true,
      { network: "timeout", sent: "perhaps" },
    ]);
    const bodies = server.requests.filter((request) => request.path === SEND).map((request) => request.body);
    expect([bodies.length, new Set(bodies).size]).toEqual([3, 1]);
  });

  test("without one, a try of unknown outcome is not repeated: it could be shown twice", async () => {
    const { api } = client(hang, { timeouts });
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_unreachable");
    expect(server.count(SEND)).toBe(1);
  });

  test("a connection that is reset, an error page, and text that is not JSON are wecom_unreachable", async () => {
    const broken: ApiServer["answer"][] = [
      () => (response) => response.destroy(),
      () => (response) => response.writeHead(502).end("<html>Bad gateway</html>"),
      () => (response) => response.end("<html>Sign in</html>"),
      () => (response) => response.end("[]"),
      () => (response) => {
        response.write('{"errcode":');
        setImmediate(() => response.destroy());
      },
    ];
    for (const answer of broken) {
      const error = await failureOf(client(answer).api.sendText(text));
      expect([error.code, error.retryable]).toEqual(["wecom_unreachable", true]);
    }
  });

  test("a refused connection was certainly not sent, so it is tried again even without a duplicate check", async () => {
    const gone = await startApiServer();
    await gone.stop();
    const { api, clock } = client([ok], { baseUrl: gone.url });
    const error = await failureOf(api.sendText(text));
    expect(error.details).toEqual({ network: "ECONNREFUSED", sent: "no" });
    expect(clock.slept).toHaveLength(2);
  });

  test("an answer that begins and never ends is cut off by the time for the whole", async () => {
    const { api } = client(() => (response) => void response.write('{"errcode":0,'), { timeouts });
    expect((await failureOf(api.sendText(text))).details).toMatchObject({ network: "timeout" });
  });

  test("an answer larger than any of WeCom's is refused, not kept in memory", async () => {
    const { api } = client(() => (response) => response.end(`{"errcode":0,"pad":"${"x".repeat(2 * 1024 * 1024)}"}`));
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_refused");
  });

  test("a redirect is not followed", async () => {
    const { api } = client(
      (request) => (response) => response.writeHead(307, { location: `/elsewhere?${request.query}` }).end(),
    );
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_refused");
    expect(server.count("/elsewhere")).toBe(0);
  });

  test("an answer without errcode is not taken for a success", async () => {
    expect((await failureOf(client([{ ok: true }]).api.sendText(text))).code).toBe("wecom_refused");
  });

  test("a token answer that lacks its token is refused", async () => {
    const { api } = client([ok]);
    server.answer = () => ({ errcode: 0, errmsg: "ok" });
    expect((await failureOf(api.sendText(text))).code).toBe("wecom_refused");
    expect(server.count(SEND)).toBe(0);
  });

  test("the caller's abort ends it at once with the caller's reason, while sending and while waiting", async () => {
    const reason = new YingdaError("turn_stopped", "stopped");
    const arrived = Promise.withResolvers<void>();
    const stop = new AbortController();
    const { api } = client(() => {
      arrived.resolve();
      return () => {};
    });
    const sending = failureOf(api.sendText({ ...text, signal: stop.signal }));
    await arrived.promise;
    stop.abort(reason);
    expect(await sending).toBe(reason);
    expect(await failureOf(api.sendText({ ...text, signal: AbortSignal.abort(reason) }))).toBe(reason);
  });
});

describe("WeComApi.getUser", () => {
  test("a member's name and departments are read, and what newer apps do not get is not needed", async () => {
    const { api } = client([
      {
        errcode: 0,
        errmsg: "ok",
        userid: "ZhangSan",
        name: "张三",
        department: [1, 2],
        main_department: 2,
        position: "工程师",
        status: 1,
      },
    ]);
    expect(await api.getUser("ZhangSan", never)).toEqual({
      userId: "ZhangSan",
      name: "张三",
      departments: [1, 2],
      mainDepartment: 2,
      position: "工程师",
      alias: "",
      status: 1,
    });
    expect(server.requests[1]?.query.get("userid")).toBe("ZhangSan");
    expect(server.requests[1]?.method).toBe("GET");
  });

  test("a member outside the visible range is wecom_recipient, and what is no userid is not asked for", async () => {
    const { api } = client([refused(60111)]);
    expect((await failureOf(api.getUser("LiSi", never))).code).toBe("wecom_recipient");
    expect((await failureOf(api.getUser("a&userid=b", never))).code).toBe("wecom_recipient");
    expect(server.count("/cgi-bin/user/get")).toBe(1);
  });
});

describe("WeComApi's secrets and configuration", () => {
  test("no log line and no error holds the secret, a token, a URL's query or a message", async () => {
    const private_ = "a very private sentence";
    const shown: string[] = [];
    const echo = (errcode: number) => refused(errcode, `oops ${SECRET} canary-token-1 ${private_}, hint: [1_x]`);
    const faults: (ApiServer["answer"] | Record<string, unknown>[])[] = [
      [ok],
      [echo(40014)],
      [echo(60020)],
      [echo(999999)],
      [echo(-1)],
      () => (response) => response.destroy(),
      () => (response) => response.end(`${private_} canary-token-1`),
      () => (response) => response.writeHead(404).end(SECRET),
    ];
    for (const fault of faults) {
      const { api, lines } = client(fault);
      const error = await api.sendText({ ...text, content: private_ }).catch((thrown: unknown) => thrown);
      shown.push(...lines, String(error), JSON.stringify(error), error instanceof Error ? String(error.stack) : "");
    }
    for (const canary of [SECRET, "canary-token", private_, "corpsecret", "access_token="]) {
      expect(shown.filter((line) => line.includes(canary))).toEqual([]);
    }
  });

  test("every call is counted by its errcode, or by what the network did", async () => {
    const { api, lines } = client([refused(-1), ok]);
    await api.sendText(text);
    const calls = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === "wecom called");
    expect(calls.map((line) => [line.call, line.errcode])).toEqual([
      ["gettoken", 0],
      ["message/send", -1],
      ["message/send", 0],
    ]);
  });

  test("an agent id or base URL that cannot be one is bad_config", () => {
    for (const over of [{ agentId: "app" }, { agentId: "" }, { baseUrl: "qyapi" }]) {
      try {
        client([ok], over);
        throw new Error("it was taken");
      } catch (error) {
        expect(codeOf(error)).toBe("bad_config");
      }
    }
  });

  test("a base URL with a path and a slash at its end keeps the path", async () => {
    const { api } = client([ok], { baseUrl: `${server.url}/proxy/` });
    server.answer = (request) =>
      request.path.endsWith("gettoken") ? { errcode: 0, access_token: "t", expires_in: 7200 } : ok;
    await api.sendText(text);
    expect(server.requests.map((request) => request.path)).toEqual([`/proxy${TOKEN_PATH}`, `/proxy${SEND}`]);
  });
});

describe("WeComApi.getMedia", () => {
  const GET = "/cgi-bin/media/get";
  const options = { bytesMax: 1_000, signal: never, traceId: "trace-1" };
  const file =
    (bytes: Buffer, headers: Record<string, string> = { "content-type": "image/jpeg" }) =>
    (response: ServerResponse) => {
      response.writeHead(200, headers).end(bytes);
    };

  test("a file comes as it is, with its name, asked for by its id and a token", async () => {
    const headers = {
      "content-type": "text/plain",
      "content-disposition": 'attachment; filename="%E5%91%A8.txt"',
    };
    const { api, lines } = client(() => file(Buffer.from('{"errcode":40007}'), headers));
    expect(await api.getMedia("canary-id", options)).toEqual({
      bytes: Buffer.from('{"errcode":40007}'),
      fileName: "周.txt",
    });
    const { method, path, query } = server.requests.at(-1) ?? {};
    expect([method, path, Object.fromEntries(query ?? [])]).toEqual([
      "GET",
      GET,
      { media_id: "canary-id", access_token: "canary-token-1" },
    ]);
    expect(lines.join()).not.toContain("canary");
    const nameless = client(() => file(Buffer.from("#!AMR\n"), { "content-type": "voice/amr" }));
    expect((await nameless.api.getMedia("id", options)).fileName).toBeNull();
  });

  test.each([
    [40007, "media_gone"],
    [830002, "media_too_large"],
    [40004, "wecom_refused"],
    [48002, "wecom_refused"],
  ])("errcode %i in JSON is %s, never a file", async (errcode, code) => {
    const { api } = client([refused(errcode)]);
    expect((await failureOf(api.getMedia("id", options))).code).toBe(code);
  });

  test("a success without a file, or one that is only made to look like a file, is none", async () => {
    const { api } = client([{ errcode: 0, file: { bytes: "a", fileName: null }, bytes: "a" }]);
    expect((await failureOf(api.getMedia("id", options))).code).toBe("wecom_refused");
  });

  test("a token that has ended is fetched anew, once", async () => {
    const { api } = client((_request, nth) => (nth === 1 ? refused(42001) : file(Buffer.from("file"))));
    expect((await api.getMedia("id", options)).bytes.toString()).toBe("file");
    expect([server.count(TOKEN_PATH), server.count(GET)]).toEqual([2, 2]);
  });

  test("a body beyond the limit, also one without an end, is cut, and not asked for again", async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const { api } = client(() => (response) => {
      closed = once(response, "close");
      response.writeHead(200, { "content-type": "image/jpeg" });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1_000)));
      };
      response.on("drain", more);
      more();
    });
    const error = await failureOf(api.getMedia("canary-id", options));
    expect([error.code, server.count(GET)]).toEqual(["media_too_large", 1]);
    await closed;
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain("canary");
  });

  test("a packed body is refused, a redirect not followed", async () => {
    const packed = client(() => file(gzipSync(Buffer.alloc(1_000_000)), { "content-encoding": "gzip" }));
    expect((await failureOf(packed.api.getMedia("id", options))).code).toBe("media_refused");
    const moved = client(() => (response) => response.writeHead(302, { location: `${server.url}/elsewhere` }).end());
    expect((await failureOf(moved.api.getMedia("id", options))).code).toBe("wecom_refused");
    expect(server.count("/elsewhere")).toBe(0);
  });

  test("a body that stands still is given up in time", async () => {
    const { api } = client(
      () => (response) => {
        response.writeHead(200, { "content-type": "image/jpeg", "content-length": "10" });
        response.write("a");
      },
      { timeouts: { answerMs: 1_000, wholeMs: 100 } },
    );
    expect((await failureOf(api.getMedia("id", options))).details.network).toBe("timeout");
  });
});
