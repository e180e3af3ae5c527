import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { YingdaError } from "../../src/base/errors.ts";
import { ResponseUrlClient } from "../../src/wecom/response-url.ts";
import { type ApiServer, recordedEvents, startApiServer, steppedClock } from "../support/wecom-api-server.ts";

const PATH = "/cgi-bin/aibot/response";
const CODE = "canary-response-code";
const never = new AbortController().signal;

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  server.answer = () => ({ errcode: 0, errmsg: "ok" });
});

function client(over: { allowedHost?: string; allowedProtocol?: "https:" | "http:" } = {}) {
  const { events, lines } = recordedEvents();
  const clock = steppedClock();
  const timeouts = { answerMs: 150, wholeMs: 400 };
  const sender = new ResponseUrlClient({ allowedHost: new URL(server.url).host, events, clock, timeouts, ...over });
  const send = (responseUrl = `${server.url}${PATH}?response_code=${CODE}`, content = "**你好**") =>
    sender.sendMarkdown({ responseUrl, content, signal: never, traceId: "trace-1" });
  return { sender, send, lines, clock };
}

async function failureOf(promise: Promise<unknown>): Promise<YingdaError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof YingdaError)) throw error;
  return error;
}

describe("ResponseUrlClient", () => {
  test("a markdown message is posted as plain JSON to the address as it came", async () => {
    await client().send();
    const [request] = server.requests;
    expect([request?.method, request?.path, request?.query.get("response_code")]).toEqual(["POST", PATH, CODE]);
    expect(request?.body).toBe('{"msgtype":"markdown","markdown":{"content":"**你好**"}}');
  });

  test("a feedback id goes along", async () => {
    const { sender } = client();
    const responseUrl = `${server.url}${PATH}?response_code=${CODE}`;
    await sender.sendMarkdown({ responseUrl, content: "a", feedbackId: "f1", signal: never, traceId: "t" });
    expect(JSON.parse(server.requests[0]?.body ?? "").markdown.feedback).toEqual({ id: "f1" });
  });

  test("HTTP 200 with an empty body is a success", async () => {
    server.answer = () => (response) => response.end();
    await client().send();
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["another host", `http://example.com${PATH}`],
    ["another port", `http://127.0.0.1:1${PATH}`],
    ["our host as the user name", "http://HOST@example.com/"],
    ["our host as a part of another", "http://HOST.example.com/"],
    ["another scheme", `https://HOST${PATH}`],
    ["a user name before our host", `http://user:pass@HOST${PATH}`],
    ["a file", "file:///etc/passwd"],
    ["a path only", PATH],
    ["nothing", ""],
  ])("%s is refused and nothing is sent anywhere", async (_name, address) => {
    const responseUrl = address.replace("HOST", new URL(server.url).host);
    const error = await failureOf(client().send(responseUrl));
    expect([error.code, error.retryable, server.requests.length]).toEqual(["wecom_refused", false, 0]);
  });

  test("WeCom's real host is called over https only, with or without its port", async () => {
    const { events } = recordedEvents();
    const asked: string[] = [];
    const real = new ResponseUrlClient({
      allowedHost: "qyapi.weixin.qq.com",
      events,
      clock: steppedClock(),
      fetch: async (url) => {
        asked.push(String(url));
        return new Response("{}".replace("{}", '{"errcode":0}'));
      },
    });
    const send = (responseUrl: string) => real.sendMarkdown({ responseUrl, content: "a", signal: never, traceId: "t" });
    await send("https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=1");
    await send("https://QYAPI.weixin.qq.com:443/cgi-bin/aibot/response?response_code=2");
    expect((await failureOf(send("http://qyapi.weixin.qq.com/cgi-bin/aibot/response"))).code).toBe("wecom_refused");
    expect(asked).toHaveLength(2);
  });

  test("a host of our own network may be called over http when the configuration says so", async () => {
    const host = new URL(server.url).host.replace("127.0.0.1", "localhost");
    await client({ allowedHost: host, allowedProtocol: "http:" }).send(`http://${host}${PATH}`);
    expect(server.requests).toHaveLength(1);
  });

  test("a redirect is not followed", async () => {
    server.answer = () => (response) => response.writeHead(302, { location: `${server.url}/elsewhere` }).end();
    expect((await failureOf(client().send())).code).toBe("wecom_refused");
    expect(server.count("/elsewhere")).toBe(0);
  });

  test("an address that is used up or expired is final", async () => {
    server.answer = () => ({ errcode: 846610, errmsg: "response code used" });
    const error = await failureOf(client().send());
    expect([error.code, error.retryable, server.requests.length]).toEqual(["wecom_refused", false, 1]);
  });

  test("a rate limit is retryable later, and is not waited for here", async () => {
    server.answer = () => ({ errcode: 45009, errmsg: "freq" });
    const { send, clock } = client();
    const error = await failureOf(send());
    expect([error.code, error.retryAfterMs, clock.slept]).toEqual(["wecom_rate_limited", 60_000, []]);
  });

  test("busy, broken and hanging answers are tried three times, since the address works once at most", async () => {
    const broken: ApiServer["answer"][] = [
      () => ({ errcode: -1, errmsg: "busy" }),
      () => (response) => response.destroy(),
      () => (response) => response.writeHead(503).end(),
      () => () => {},
    ];
    for (const answer of broken) {
      server.requests.length = 0;
      server.answer = answer;
      const error = await failureOf(client().send());
      expect([error.code, error.retryable, server.requests.length]).toEqual(["wecom_unreachable", true, 3]);
    }
  });

  test("blank and overlong content is refused before anything is sent", async () => {
    const { send } = client();
    expect((await failureOf(send(undefined, " "))).code).toBe("internal");
    expect((await failureOf(send(undefined, "a".repeat(20_481)))).code).toBe("internal");
    expect(server.requests).toHaveLength(0);
  });

  test("no log line and no error holds the address, its code or the text", async () => {
    const shown: string[] = [];
    const answers: ApiServer["answer"][] = [
      () => ({ errcode: 0 }),
      () => ({ errcode: 5, errmsg: `${CODE} **你好**` }),
      () => (response) => response.destroy(),
      () => (response) => response.writeHead(404).end(CODE),
    ];
    for (const answer of answers) {
      server.answer = answer;
      const { send, lines } = client();
      const error: unknown = await send().catch((thrown: unknown) => thrown);
      shown.push(
        ...lines,
        String(error),
        JSON.stringify(error) ?? "",
        error instanceof Error ? String(error.stack) : "",
      );
    }
    const error = await failureOf(client().send(`http://example.com/?response_code=${CODE}`));
    shown.push(String(error), JSON.stringify(error));
    for (const canary of [CODE, "aibot/response", "你好"]) {
      expect(shown.filter((line) => line.includes(canary))).toEqual([]);
    }
  });
});
