import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { Transcriber, type TranscriberOptions } from "../../src/llm/transcription.ts";

let server: Server;
let requests: { path: string; headers: IncomingMessage["headers"]; form: FormData }[] = [];
let answer: (response: ServerResponse) => void = () => {};

beforeAll(async () => {
  server = createServer((incoming, response) => void receive(incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
beforeEach(() => {
  requests = [];
  answer = json({ text: " 你好，世界。\n" });
});

async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const type = incoming.headers["content-type"] ?? "";
  const form = await new Response(Buffer.concat(chunks), { headers: { "content-type": type } }).formData();
  requests.push({ path: incoming.url ?? "", headers: incoming.headers, form });
  answer(response);
}

function json(body: unknown, status = 200): (response: ServerResponse) => void {
  return (response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function transcribe(options: Partial<TranscriberOptions> = {}, signal = AbortSignal.timeout(15_000)): Promise<string> {
  const transcriber = new Transcriber({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey: new Secret("sk-canary"),
    model: "whisper",
    clock: systemClock,
    ...options,
  });
  return transcriber.transcribe({ bytes: Buffer.from("#!AMR\nvoice"), type: "amr", requestId: "r-1", signal });
}

/** The error's code and reason, or the text. */
async function outcome(work: Promise<string>): Promise<string> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    expect(inspect(error, { depth: 9 })).not.toContain("canary");
    return `${error.code} ${error.details.reason} ${error.retryable}`;
  }
}

describe("a voice message", () => {
  test("goes out as a form with the recording, the model and the key, and comes back as text", async () => {
    expect(await transcribe()).toBe("你好，世界。");
    const [request] = requests;
    const file = request?.form.get("file");
    if (!(file instanceof File)) throw new Error("no file was sent");
    expect([request?.path, request?.headers.authorization, request?.headers["x-request-id"]]).toEqual([
      "/v1/audio/transcriptions",
      "Bearer sk-canary",
      "r-1",
    ]);
    expect([file.name, file.type, await file.text(), request?.form.get("model")]).toEqual([
      "voice.amr",
      "audio/amr",
      "#!AMR\nvoice",
      "whisper",
    ]);
  });

  test("goes out without a key where there is none", async () => {
    await transcribe({ apiKey: null });
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  test("in which nothing is said gives an empty text; a text without an end is cut", async () => {
    answer = json({ text: " " });
    expect(await transcribe()).toBe("");
    answer = json({ text: "啊".repeat(50_000) });
    expect((await transcribe()).length).toBe(8_000);
    answer = (response) => response.writeHead(200, { "content-type": "text/plain" }).end("你好\n");
    expect(await transcribe()).toBe("你好");
  });

  test.each([
    [400, { error: { message: "canary words" } }, "transcription_refused bad_request false"],
    [401, { error: { message: "canary" } }, "transcription_refused credentials false"],
    [404, { detail: "canary" }, "transcription_refused unknown_model false"],
    [302, {}, "transcription_refused redirected false"],
    [429, {}, "transcription_unavailable overloaded true"],
    [503, {}, "transcription_unavailable overloaded true"],
    [500, { error: "canary" }, "transcription_unavailable server_error true"],
    [200, { segments: ["canary"] }, "transcription_refused not_a_transcription false"],
    [200, { text: ["canary"] }, "transcription_refused not_a_transcription false"],
  ])("status %i with %j: %s", async (status, body, expected) => {
    answer = json(body, status);
    expect(await outcome(transcribe())).toBe(expected);
    expect(requests.length).toBe(1);
  });

  test("an answer that is broken, endless, cut, or never comes", async () => {
    answer = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{canary");
    expect(await outcome(transcribe())).toBe("transcription_refused malformed false");
    answer = json({ text: "canary".repeat(100_000) });
    expect(await outcome(transcribe())).toBe("transcription_refused answer_too_long false");
    answer = (response) => response.destroy();
    expect(await outcome(transcribe())).toBe("transcription_unavailable connection true");
    answer = () => {};
    expect(await outcome(transcribe({ timeoutMs: 100 }))).toBe("transcription_unavailable late true");
    answer = (response) => response.writeHead(200, { "content-type": "application/json" }).write('{"text":"');
    expect(await outcome(transcribe({ timeoutMs: 100 }))).toBe("transcription_unavailable late true");
    expect(await outcome(transcribe({ baseUrl: "http://127.0.0.1:1/v1" }))).toBe(
      "transcription_unavailable connection true",
    );
  });

  test("who gave up is told their own reason, and the request is closed", async () => {
    const stop = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    answer = (response) => {
      closed = once(response, "close");
      stop.abort(new YingdaError("turn_stopped", "stopped"));
    };
    await expect(transcribe({}, stop.signal)).rejects.toMatchObject({ code: "turn_stopped" });
    await closed;
  });
});
