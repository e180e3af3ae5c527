import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { YingdaError } from "../../src/base/errors.ts";
import { type DownloadLimits, type Lookup, MediaDownload } from "../../src/wecom/media-download.ts";
import { selfSigned } from "../support/certificate.ts";
import { until } from "../support/until.ts";

/**
 * The address of a file comes with a message and lies in Redis until it is fetched. Whoever could change it there, or answer
 * for the name in it, would have us read from inside the network, or read without an end.
 */

/** Where no connection may ever arrive: every connection counts, also one that says nothing. */
let canary: Server;
let connections = 0;
let files: Server;
let requests: IncomingMessage[] = [];
let answer: (response: ServerResponse, request: IncomingMessage) => void = () => {};
/** What is written to the socket instead, when an answer must break HTTP's rules. */
let rawAnswer: ((socket: Socket) => void) | null = null;
let rawFiles: Server;

beforeAll(async () => {
  canary = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  files = createServer((request, response) => {
    requests.push(request);
    response.on("error", () => undefined);
    answer(response, request);
  });
  rawFiles = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => rawAnswer?.(socket));
  });
  canary.listen(0, "0.0.0.0");
  files.listen(0, "127.0.0.1");
  rawFiles.listen(0, "127.0.0.1");
  await Promise.all([canary, files, rawFiles].map((server) => once(server, "listening")));
});
afterAll(async () => {
  if ("closeAllConnections" in files) (files as ReturnType<typeof createServer>).closeAllConnections();
  for (const server of [canary, files, rawFiles]) server.close();
  await once(files, "close");
});
beforeEach(() => {
  connections = 0;
  requests = [];
  answer = (response) => response.end("file");
  rawAnswer = null;
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

const good = () => `127.0.0.1:${portOf(files)}`;
const evil = () => `127.0.0.1:${portOf(canary)}`;

interface Attempt {
  hosts?: string[];
  lookup?: Lookup;
  limits?: Partial<DownloadLimits>;
  bytesMax?: number;
  signal?: AbortSignal;
}

function download(url: string, attempt: Attempt = {}) {
  const { hosts = [good()], lookup, limits = { idleMs: 2_000, wholeMs: 5_000 }, bytesMax = 1_000 } = attempt;
  const downloads = new MediaDownload({ hosts, limits, ...(lookup === undefined ? {} : { lookup }) });
  return downloads.download({ url, bytesMax, signal: attempt.signal ?? AbortSignal.timeout(15_000) });
}

/** The error's code and reason, or "fetched". */
async function outcome(url: string, attempt: Attempt = {}): Promise<string> {
  try {
    await download(url, attempt);
    return "fetched";
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    expect(inspect(error, { depth: 9 })).not.toContain("canary-path");
    return [error.code, error.details.reason ?? error.details.network].filter((word) => word !== undefined).join(" ");
  }
}

describe("the address of a file", () => {
  test("the canary sees a connection when there is one, and the right address gives the file and its name", async () => {
    expect(await outcome(`http://${evil()}/canary-path`, { hosts: [evil()] })).toMatch(/^media_unreachable/);
    expect(connections).toBe(1);
    answer = (response) => {
      response.setHeader("content-disposition", "attachment; filename*=UTF-8''%E5%91%A8.pdf");
      response.end("file");
    };
    const { bytes, fileName } = await download(`http://${good()}/canary-path?sign=1`);
    expect([bytes.toString(), fileName]).toEqual(["file", "周.pdf"]);
    const { url, headers } = requests[0] ?? {};
    expect([url, headers?.["accept-encoding"], headers?.cookie]).toEqual([
      "/canary-path?sign=1",
      "identity",
      undefined,
    ]);
  });

  // GOOD is the allowed host with its port, EVIL the canary's port.
  test.each([
    "http://127.0.0.1:EVIL/canary-path",
    "http://localhost:EVIL/",
    "http://127.1:EVIL/",
    "http://2130706433:EVIL/",
    "http://0x7f000001:EVIL/",
    "http://0.0.0.0:EVIL/",
    "http://[::1]:EVIL/",
    "http://[::ffff:127.0.0.1]:EVIL/",
    "http://127.0.0.1.:EVIL/",
    "http://１２７.0.0.1:EVIL/",
    "http://GOOD@127.0.0.1:EVIL/",
    "http://user:password@GOOD/",
    "http://127.0.0.1:EVIL\\@GOOD/",
    "http://127.0.0.1:EVIL#@GOOD/",
    "http://127.0.0.1:EVIL?@GOOD/",
    "//127.0.0.1:EVIL/",
    "ftp://GOOD/",
    "file:///etc/passwd",
    "data:text/plain,a",
    "blob:http://GOOD/a",
    "http://169.254.169.254/latest/meta-data/",
    "",
  ])("%j is refused without a connection to anywhere", async (template) => {
    const url = template.replaceAll("GOOD", good()).replaceAll("EVIL", String(portOf(canary)));
    expect(await outcome(url)).toBe("media_refused host");
    expect([connections, requests.length]).toEqual([0, 0]);
  });
});

describe("the addresses that a name resolves to", () => {
  const below = () => ({ hosts: [`*.files.example:${portOf(canary)}`] });
  const lookup = (...addresses: string[]): Lookup => {
    return () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));
  };

  test.each([
    ["127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["2002:7f00:1::"],
    ["fd00::1"],
    ["not an address"],
    ["1.1.1.1", "127.0.0.1"],
    new Array(33).fill("1.1.1.1"),
  ])("%s: a name below a pattern is not called", async (...addresses) => {
    const url = `https://a.files.example:${portOf(canary)}/canary-path`;
    expect(await outcome(url, { ...below(), lookup: lookup(...addresses) })).toBe("media_refused address");
    expect(connections).toBe(0);
  });

  test("link-local addresses are refused to a name that is given exactly, too", async () => {
    const attempt = { hosts: ["metadata.example"], lookup: lookup("169.254.169.254") };
    expect(await outcome("http://metadata.example/canary-path", attempt)).toBe("media_refused address");
  });

  test("a public address is not called by plain http", async () => {
    const attempt = { hosts: ["files.example"], lookup: lookup("1.1.1.1") };
    expect(await outcome("http://files.example/canary-path", attempt)).toBe("media_refused address");
  });

  test("a name without an address, and a resolver that fails or never answers, are told apart from a refusal", async () => {
    const hosts = ["files.example"];
    const url = "https://files.example/canary-path";
    expect(await outcome(url, { hosts, lookup: lookup() })).toBe("media_unreachable ENOTFOUND");
    const fails: Lookup = () => Promise.reject(Object.assign(new Error("canary-path"), { code: "ESERVFAIL" }));
    expect(await outcome(url, { hosts, lookup: fails })).toBe("media_unreachable ESERVFAIL");
    const never: Lookup = () => new Promise(() => {});
    expect(await outcome(url, { hosts, lookup: never, limits: { wholeMs: 50 } })).toBe("media_unreachable late");
  });

  test("the connection goes to the address that was judged: a second answer of the resolver is never asked for", async () => {
    let asked = 0;
    const rebinding: Lookup = () => {
      asked += 1;
      return Promise.resolve([{ address: asked === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }]);
    };
    const host = `rebinding.invalid:${portOf(files)}`;
    const { bytes } = await download(`http://${host}/a`, { hosts: [host], lookup: rebinding });
    expect([bytes.toString(), asked, requests[0]?.headers.host]).toEqual(["file", 1, host]);
  });

  test("a redirect to the same name is resolved and judged anew", async () => {
    let asked = 0;
    const rebinding: Lookup = () => {
      asked += 1;
      return Promise.resolve([{ address: asked === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }]);
    };
    const host = `rebinding.invalid:${portOf(files)}`;
    answer = (response) => response.writeHead(302, { location: "/b" }).end();
    expect(await outcome(`http://${host}/a`, { hosts: [host], lookup: rebinding })).toBe("media_refused address");
    expect(requests.length).toBe(1);
  });
});

describe("redirects", () => {
  test.each([
    "http://127.0.0.1:EVIL/",
    "//127.0.0.1:EVIL/",
    "http://169.254.169.254/latest/meta-data/",
    "http://user@GOOD/",
    "file:///etc/passwd",
    "http://[",
    "",
  ])("one to %j is not followed", async (template) => {
    const location = template.replaceAll("GOOD", good()).replaceAll("EVIL", String(portOf(canary)));
    // An empty location leads back to where it came from, without an end.
    const expected = location === "" ? "media_refused redirects" : "media_refused host";
    for (const status of [301, 302, 303, 307, 308]) {
      answer = (response) => response.writeHead(status, { location }).end();
      expect(await outcome(`http://${good()}/canary-path`)).toBe(expected);
    }
    expect(connections).toBe(0);
  });

  test("three are followed, a fourth is not", async () => {
    answer = (response, request) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("file");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    };
    expect(await outcome(`http://${good()}/3`)).toBe("fetched");
    expect(requests.length).toBe(4);
    expect(await outcome(`http://${good()}/4`)).toBe("media_refused redirects");
    expect(requests.length).toBe(8);
  });
});

describe("bodies", () => {
  const raw = (head: string, body: (socket: Socket) => void = () => {}) => {
    rawAnswer = (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
      body(socket);
    };
    const host = `127.0.0.1:${portOf(rawFiles)}`;
    return { url: `http://${host}/canary-path`, hosts: [host] };
  };
  /** Writes until the other side hangs up; resolves to how much went out. */
  const endlessly = (socket: Socket, piece: Buffer): Promise<number> => {
    let bytes = 0;
    const more = () => {
      while (!socket.destroyed && socket.write(piece)) bytes += piece.length;
    };
    socket.on("drain", more);
    more();
    return new Promise((resolve) => socket.on("close", () => resolve(bytes)));
  };

  test.each([
    ["without a length", "connection: close", Buffer.alloc(4_096)],
    [
      "in chunks",
      "transfer-encoding: chunked",
      Buffer.concat([Buffer.from("1000\r\n"), Buffer.alloc(4_096), Buffer.from("\r\n")]),
    ],
  ])("one without an end, %s, is cut at the limit and the connection closed", async (_name, head, piece) => {
    let sent: Promise<number> = Promise.resolve(0);
    const { url, hosts } = raw(head, (socket) => {
      sent = endlessly(socket, piece);
    });
    expect(await outcome(url, { hosts, bytesMax: 100_000 })).toBe("media_too_large");
    // What lies in the sockets' buffers, not gigabytes.
    expect(await sent).toBeLessThan(64 * 1024 * 1024);
  });

  test("one that says it is too long is not begun", async () => {
    const { url, hosts } = raw("content-length: 1001");
    expect(await outcome(url, { hosts })).toBe("media_too_large");
  });

  test("one that is longer than it says gives what it said; one that is shorter is no file", async () => {
    const longer = raw(
      "content-length: 4\r\nconnection: close",
      (socket) => void endlessly(socket, Buffer.from("file")),
    );
    expect((await download(longer.url, longer)).bytes.toString()).toBe("file");
    const shorter = raw("content-length: 400", (socket) => socket.end("file"));
    expect(await outcome(shorter.url, shorter)).toBe("media_unreachable ECONNRESET");
  });

  test("one at the limit is a file, one byte more is not", async () => {
    answer = (response) => response.end(Buffer.alloc(1_000));
    expect(await outcome(`http://${good()}/`)).toBe("fetched");
    answer = (response) => response.end(Buffer.alloc(1_001));
    expect(await outcome(`http://${good()}/`)).toBe("media_too_large");
  });

  test.each(["gzip", "deflate", "br", "zstd", "identity, gzip"])(
    "one that is packed by %s is not unpacked",
    async (encoding) => {
      answer = (response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(gzipSync(Buffer.alloc(10_000_000)));
      expect(await outcome(`http://${good()}/canary-path`, { bytesMax: 100_000_000 })).toBe("media_refused encoding");
    },
  );

  test("a byte now and then does not hold us beyond the whole time", async () => {
    const { url, hosts } = raw("content-length: 1000", (socket) => {
      const timer = setInterval(() => socket.write("a"), 10);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await outcome(url, { hosts, limits: { wholeMs: 200 } })).toBe("media_unreachable late");
  });

  test.each([
    ["after the headers", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"],
    ["within them", "HTTP/1.1 200 OK\r\n"],
    ["from the first", ""],
  ])("silence %s ends the wait", async (_name, beginning) => {
    const { url, hosts } = raw("");
    rawAnswer = (socket) => socket.write(beginning);
    expect(await outcome(url, { hosts, limits: { idleMs: 100 } })).toBe("media_unreachable silent");
  });

  test.each([
    ["endless headers", `HTTP/1.1 200 OK\r\na: ${"a".repeat(100_000)}`, "HPE_HEADER_OVERFLOW"],
    ["something that is not HTTP", "220 mail ready\r\n", "HPE_INVALID_CONSTANT"],
    ["a connection that is closed at once", null, "ECONNRESET"],
  ])("%s: no file", async (_name, text, network) => {
    const { url, hosts } = raw("");
    rawAnswer = (socket) => (text === null ? socket.destroy() : socket.write(text));
    expect(await outcome(url, { hosts })).toBe(`media_unreachable ${network}`);
  });

  test.each([
    [403, "media_gone"],
    [404, "media_gone"],
    [204, "media_gone"],
    [206, "media_gone"],
    [429, "media_unreachable status"],
    [500, "media_unreachable status"],
  ])("status %i gives %s", async (status, code) => {
    answer = (response) => response.writeHead(status).end();
    expect(await outcome(`http://${good()}/canary-path`)).toBe(code);
  });

  test("who asked to stop is told their own reason, and the connection is closed", async () => {
    const stop = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    answer = (response) => {
      response.write("a");
      closed = once(response, "close");
      stop.abort(new YingdaError("turn_stopped", "stopped"));
    };
    await expect(download(`http://${good()}/`, { signal: stop.signal })).rejects.toMatchObject({
      code: "turn_stopped",
    });
    await closed;
  });

  test("a crowd of downloads waits its turn, and what is beyond the queue is sent away", async () => {
    const open: ServerResponse[] = [];
    answer = (response) => open.push(response);
    const downloads = new MediaDownload({ hosts: [good()], limits: { atOnceMax: 1, waitingMax: 1 } });
    const one = () =>
      downloads.download({ url: `http://${good()}/`, bytesMax: 10, signal: AbortSignal.timeout(15_000) });
    const first = one();
    const second = one();
    await expect(one()).rejects.toMatchObject({ code: "media_busy", retryable: true });
    await until(() => open.length === 1);
    answer = (response) => response.end("b");
    open[0]?.end("a");
    expect((await Promise.all([first, second])).map(({ bytes }) => bytes.toString())).toEqual(["a", "b"]);
  });
});

describe("TLS", () => {
  const trusted = getCACertificates("default");
  const identity = selfSigned("right.invalid");
  let secure: Server;
  beforeAll(async () => {
    secure = createHttpsServer(identity, (_request, response) => response.end("file")).listen(0, "127.0.0.1");
    await once(secure, "listening");
  });
  afterAll(() => {
    setDefaultCACertificates(trusted);
    secure.close();
  });
  const toLoopback: Lookup = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
  const fetched = (name: string) => {
    const host = `${name}:${portOf(secure)}`;
    return outcome(`https://${host}/canary-path`, { hosts: [host], lookup: toLoopback });
  };

  test("a certificate that nobody vouches for is refused; one that is trusted has to be for the name, not the address", async () => {
    expect(await fetched("right.invalid")).toMatch(/^media_unreachable/);
    setDefaultCACertificates([...trusted, identity.cert]);
    expect(await fetched("right.invalid")).toBe("fetched");
    expect(await fetched("wrong.invalid")).toBe("media_unreachable ERR_TLS_CERT_ALTNAME_INVALID");
  });
});
