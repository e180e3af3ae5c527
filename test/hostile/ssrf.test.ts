import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { codeOf } from "../../src/base/errors.ts";
import { ResponseUrlClient } from "../../src/wecom/response-url.ts";
import { silentEvents } from "../support/messages.ts";

/**
 * A `response_url` comes with a signed message and lies in Redis until it is used. Whoever could change it there would
 * have us send an answer, from inside the network, to an address of their choice.
 */

const PATH = "/cgi-bin/aibot/response?response_code=c";

/** Where no connection may ever arrive: every connection counts, also one that says nothing. */
let canary: TcpServer;
let connections = 0;
/** The only host that may be called. */
let allowed: Server;
let allowedRequests = 0;
let redirectTo = "";

beforeAll(async () => {
  canary = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  allowed = createServer((incoming, outgoing) => {
    allowedRequests += 1;
    incoming.resume();
    if (redirectTo !== "") outgoing.writeHead(307, { location: redirectTo });
    outgoing.end(redirectTo === "" ? '{"errcode":0,"errmsg":"ok"}' : "");
  });
  canary.listen(0, "0.0.0.0");
  allowed.listen(0, "127.0.0.1");
  await Promise.all([once(canary, "listening"), once(allowed, "listening")]);
});
afterAll(async () => {
  allowed.closeAllConnections();
  allowed.close();
  canary.close();
  await Promise.all([once(allowed, "close"), once(canary, "close")]);
});
beforeEach(() => {
  connections = 0;
  allowedRequests = 0;
  redirectTo = "";
});

function portOf(server: Server | TcpServer): number {
  return (server.address() as AddressInfo).port;
}

/** Sends by the real client; resolves to the error's code, or "sent". */
async function outcome(responseUrl: string): Promise<string> {
  const client = new ResponseUrlClient({
    allowedHost: `127.0.0.1:${portOf(allowed)}`,
    events: silentEvents(),
    clock: systemClock,
    timeouts: { answerMs: 1_000, wholeMs: 2_000 },
  });
  try {
    const signal = AbortSignal.timeout(5_000);
    await client.sendMarkdown({ responseUrl, content: "answer", signal, traceId: "t" });
    return "sent";
  } catch (error) {
    return codeOf(error);
  }
}

describe("response_url", () => {
  test("the canary sees a connection when there is one, and the right address works", async () => {
    await expect(fetch(`http://127.0.0.1:${portOf(canary)}/`)).rejects.toThrow();
    expect(connections).toBe(1);
    expect([await outcome(`http://127.0.0.1:${portOf(allowed)}${PATH}`), allowedRequests]).toEqual(["sent", 1]);
  });

  // GOOD is the allowed host with its port, EVIL the canary's port.
  test.each([
    "http://127.0.0.1:EVIL/",
    "http://localhost:EVIL/",
    "http://127.1:EVIL/",
    "http://2130706433:EVIL/",
    "http://0x7f000001:EVIL/",
    "http://0177.0.0.1:EVIL/",
    "http://0.0.0.0:EVIL/",
    "http://[::1]:EVIL/",
    "http://[::ffff:127.0.0.1]:EVIL/",
    "http://127.0.0.1.:EVIL/",
    "http://１２７.0.0.1:EVIL/",
    "http://127。0。0。1:EVIL/",
    "http://GOOD@127.0.0.1:EVIL/",
    "http://GOOD%40127.0.0.1:EVIL/",
    "http://GOOD:80@127.0.0.1:EVIL/",
    "http://user:password@GOOD/",
    "http://user@GOOD/",
    "http://:password@GOOD/",
    "http://127.0.0.1:EVIL\\@GOOD/",
    "http://127.0.0.1:EVIL#@GOOD/",
    "http://127.0.0.1:EVIL?@GOOD/",
    "http:\\\\127.0.0.1:EVIL\\",
    "//127.0.0.1:EVIL/",
    "\u0000http://127.0.0.1:EVIL/",
    "http://127.0.0.1\t:EVIL/",
    "https://GOOD/",
    "ws://127.0.0.1:EVIL/",
    "ftp://127.0.0.1:EVIL/",
    "gopher://127.0.0.1:EVIL/_x",
    "file:///etc/passwd",
    "data:application/json,{}",
    "javascript:fetch('http://127.0.0.1:EVIL')",
    "blob:http://127.0.0.1:EVIL/a",
    "http://169.254.169.254/latest/meta-data/",
    "http://xn--127-0-0-1.example/",
    "http://GOOD.example.com/",
    "",
  ])("%j is refused without a connection to anywhere", async (template) => {
    const good = `127.0.0.1:${portOf(allowed)}`;
    const address = template.replaceAll("GOOD", good).replaceAll("EVIL", String(portOf(canary)));
    expect(await outcome(address)).toBe("wecom_refused");
    expect([connections, allowedRequests]).toEqual([0, 0]);
  });

  test.each([
    "https://qyapi.weixin.qq.com.evil.example/",
    "https://qyapi.weixin.qq.com@evil.example/",
    "https://qyapi.weixin.qq.com./",
    "https://qyapi.weixin.qq.com:8443/",
    "http://qyapi.weixin.qq.com/",
    "https://qyapi。weixin。qq。com.evil.example/",
    // A Cyrillic letter that looks like ours: another host, in punycode.
    "https://qyapi.weix\u0456n.qq.com/",
    "https://evil.example/?https://qyapi.weixin.qq.com/",
    "https://evil.example\\.qyapi.weixin.qq.com/",
  ])("beside WeCom's real host, %j is another and is not called", async (responseUrl) => {
    let calls = 0;
    const client = new ResponseUrlClient({
      allowedHost: "qyapi.weixin.qq.com",
      events: silentEvents(),
      clock: systemClock,
      fetch: () => {
        calls += 1;
        return Promise.resolve(new Response('{"errcode":0}'));
      },
    });
    const signal = AbortSignal.timeout(5_000);
    const sent = client.sendMarkdown({ responseUrl, content: "answer", signal, traceId: "t" });
    await expect(sent).rejects.toMatchObject({ code: "wecom_refused" });
    expect(calls).toBe(0);
  });

  test("a redirect to another host is not followed", async () => {
    redirectTo = `http://127.0.0.1:${portOf(canary)}/`;
    expect(await outcome(`http://127.0.0.1:${portOf(allowed)}${PATH}`)).toBe("wecom_refused");
    expect([connections, allowedRequests]).toEqual([0, 1]);
  });
});
