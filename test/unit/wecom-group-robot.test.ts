import { describe, expect, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { GroupRobot } from "../../src/wecom/group-robot.ts";
import { Pace } from "../../src/wecom/pace.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const signal = new AbortController().signal;

function robotWith(answer: () => Response, lines: string[] = [], clock = systemClock) {
  const bodies: string[] = [];
  const robot = new GroupRobot({
    webhookUrl: new Secret("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=the-key"),
    events: new Events(createLogger("debug", { write: (line) => void lines.push(line) })),
    clock,
    async fetch(_url, init) {
      bodies.push(String(init?.body));
      return answer();
    },
  });
  return { robot, bodies };
}

describe("a pace", () => {
  test("lets no more than twenty calls through in any minute, in the order of asking", async () => {
    const clock = new VirtualClock();
    const pace = new Pace({ burst: 5, everyMs: 4_000, waitingMax: 100, clock });
    const passed: { number: number; atMs: number }[] = [];
    await clock.run(
      Promise.all(
        Array.from({ length: 60 }, async (_, number) => {
          await pace.take(signal);
          passed.push({ number, atMs: clock.nowMs() });
        }),
      ),
    );
    expect(passed.map(({ number }) => number)).toEqual(Array.from({ length: 60 }, (_, number) => number));
    for (const { atMs } of passed) {
      const within = passed.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000);
      expect(within.length).toBeLessThanOrEqual(20);
    }
    expect(passed.filter(({ atMs }) => atMs === 0)).toHaveLength(5);
  });

  test("refuses at once when too many wait, and says for how long", async () => {
    const clock = new VirtualClock();
    const pace = new Pace({ burst: 1, everyMs: 4_000, waitingMax: 2, clock });
    const [, second, third, fourth] = [1, 2, 3, 4].map(async () => pace.take(signal));
    await expect(fourth).rejects.toMatchObject({ code: "wecom_rate_limited", retryable: true, retryAfterMs: 12_000 });
    await clock.run(Promise.all([second, third]));
    expect(clock.nowMs()).toBe(8_000);
  });
});

describe("the group's robot", () => {
  test("posts a text within 2048 bytes, without what WeCom refuses", async () => {
    const { robot, bodies } = robotWith(() => Response.json({ errcode: 0, errmsg: "ok" }));
    await robot.sendText({ content: `\u0000${"案".repeat(2_000)}`, mentions: ["lisi"], signal });
    const { msgtype, text } = JSON.parse(bodies[0] ?? "");
    expect(msgtype).toBe("text");
    expect(text.mentioned_list).toEqual(["lisi"]);
    expect(Buffer.byteLength(text.content)).toBeLessThanOrEqual(2_048);
    expect(text.content).toMatch(/^案+$/);
  });

  test("says no by its errcode, and no line or error holds its key", async () => {
    const lines: string[] = [];
    const { robot } = robotWith(() => Response.json({ errcode: 93000, errmsg: "invalid webhook url" }), lines);
    const error = await robot.sendText({ content: "x", signal }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "wecom_refused", details: { errcode: 93000 } });
    expect(lines.join("")).toContain("93000");
    expect(`${lines.join("")}${JSON.stringify(error)}${String(error)}`).not.toContain("the-key");
  });

  test("of an address without a key is bad_config", () => {
    const options = { events: new Events(createLogger("silent")), clock: systemClock };
    for (const url of ["", "not a url", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "ftp://a.b/?key=k"]) {
      expect(() => new GroupRobot({ ...options, webhookUrl: new Secret(url) })).toThrow(/group robot/);
    }
  });
});
