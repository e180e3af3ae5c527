import { request } from "node:http";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type LiveEvent, liveEvent } from "../../src/handlers/admin/api-schema.ts";
import { until } from "../support/until.ts";
import { type Browser, type Desk, flaggedTurn, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

let desk: Desk;
let streams: Stream[] = [];

beforeEach(async () => {
  desk = await openDesk();
});
afterEach(async () => {
  for (const stream of streams) stream.close();
  streams = [];
  await desk.stop();
});
afterAll(stopRedis);

interface Stream {
  status: number;
  headers: Record<string, unknown>;
  events: LiveEvent[];
  text: () => string;
  ended: () => boolean;
  close(): void;
}

async function listen(browser: Browser): Promise<Stream> {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const outgoing = request(`${desk.url}/admin/api/events`, { headers: { cookie } });
  outgoing.on("error", () => {});
  outgoing.end();
  const { promise, resolve } = Promise.withResolvers<Stream>();
  outgoing.once("response", (response) => {
    let text = "";
    let ended = false;
    const events: LiveEvent[] = [];
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      const before = text.split("\n\n").length - 1;
      text += chunk;
      const whole = text.split("\n\n").slice(before, -1);
      for (const part of whole) if (part.startsWith("data: ")) events.push(liveEvent.parse(JSON.parse(part.slice(6))));
    });
    response.on("close", () => {
      ended = true;
    });
    response.on("error", () => {});
    resolve({
      status: response.statusCode ?? 0,
      headers: response.headers,
      events,
      text: () => text,
      ended: () => ended,
      close: () => outgoing.destroy(),
    });
  });
  const stream = await promise;
  streams.push(stream);
  return stream;
}

const cases = (stream: Stream) => stream.events.flatMap((event) => (event.type === "case" ? [event.case] : []));

describe("the stream of changes", () => {
  test("tells every open page of a new flag, a claim and a decision, each once, with the counts", async () => {
    await desk.raise(flaggedTurn("AAAAA-00001"));
    const [ruby, rob] = [await desk.as("ruby"), await desk.as("rob")];
    const [one, other] = [await listen(ruby), await listen(rob)];
    expect(one.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    await until(() => one.events.length > 0 && other.events.length > 0, { what: "the first counts" });
    expect(one.events[0]).toMatchObject({ type: "counts", counts: { open: 1 } });

    await desk.raise(flaggedTurn("AAAAA-00002"));
    await until(() => cases(one).length > 0 && cases(other).length > 0, { what: "the new flag" });
    expect(cases(one)).toEqual([expect.objectContaining({ caseNumber: "AAAAA-00002", userName: "name of ZhangSan" })]);

    await ruby.post("/admin/api/cases/AAAAA-00001/claim");
    await until(() => cases(other).length > 1, { what: "the claim" });
    expect(cases(other)[1]).toMatchObject({ caseNumber: "AAAAA-00001", status: "claimed", assignee: "ruby" });

    const { version } = (await ruby.get("/admin/api/cases/AAAAA-00001")).json;
    const body = { version, move: "resolve", resolution: "confirmed" };
    await ruby.post("/admin/api/cases/AAAAA-00001/decisions", body);
    await until(() => cases(other).length > 2, { what: "the decision" });
    expect(cases(other)[2]).toMatchObject({ caseNumber: "AAAAA-00001", status: "resolved" });
    await until(() => other.events.at(-1)?.type === "counts", { what: "the counts" });
    expect(cases(other)).toHaveLength(3);
  });

  test("ends for whoever was signed out, and lives on for others", async () => {
    const [ruby, rob] = [await desk.as("ruby"), await desk.as("rob")];
    const [one, other] = [await listen(ruby), await listen(rob)];
    const session = (await desk.sessions.list()).find(({ userId }) => userId === "ruby");
    await desk.sessions.revoke(session?.id ?? "");
    desk.shiftMs(16_000);
    await until(() => one.ended(), { what: "the end of the stream" });
    expect(other.ended()).toBe(false);
    expect(other.text()).toContain(": here\n\n");
  });

  test("is open to nobody who is not signed in", async () => {
    const stream = await listen(desk.anonymous());
    expect(stream.status).toBe(401);
  });

  test("takes twenty pages of one person, and of others all the same", async () => {
    const ruby = await desk.as("ruby");
    for (let pages = 0; pages < 20; pages += 1) expect((await listen(ruby)).status).toBe(200);
    expect((await listen(ruby)).status).toBe(429);
    expect((await listen(await desk.as("rob"))).status).toBe(200);
    streams[0]?.close();
    await until(async () => (await listen(ruby)).status === 200, { what: "a free place" });
  });
});
