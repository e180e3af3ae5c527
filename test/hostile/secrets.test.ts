import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { seal } from "../../simulator/platform-crypto.ts";
import { answers, fails, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";
import { signedRequest } from "./requests.ts";
import { startWatchedGateway } from "./watched-gateway.ts";

/** Every secret and every text of one run is searched in everything that the process ever showed: no hit anywhere. */

const WAIT_MS = 30_000;
const REDIS_PASSWORD = "canaryRedisPassword1";
const DATABASE_PASSWORD = "canaryDatabasePassword1";
const MODEL_KEY = "sk-canaryModelKey1";
const RESPONSE_CODE = "canaryResponseCode1";
const QUESTION = "金丝雀问题";
const ANSWER = "金丝雀回答";

async function redisWithPassword(world: World): Promise<{ redis: Redis; url: string }> {
  const open = new Redis(world.redis.url);
  await open.config("SET", "requirepass", REDIS_PASSWORD);
  open.disconnect();
  const url = new URL(world.redis.url);
  url.password = REDIS_PASSWORD;
  return { redis: new Redis(url.href, { retryStrategy: () => null }), url: url.href };
}

test("no secret and no text is in logs, metrics, health, errors or the command line, whatever goes wrong", async () => {
  const world = await startWorld({ platform: { limits: { memberPerMinute: 1_000 } } });
  const { redis, url: redisUrl } = await redisWithPassword(world);
  redis.on("error", () => undefined);
  const gateway = await startWatchedGateway({
    ...world.env,
    REDIS_URL: redisUrl,
    DATABASE_URL: `postgres://yingda:${DATABASE_PASSWORD}@127.0.0.1:1/yingda`,
    OPENAI_API_KEY: MODEL_KEY,
    ADMIN_BOOTSTRAP_TOKEN: "canaryAdminToken1",
    GUARD_API_KEY: "canaryGuardKey1",
    API_TOKENS: "system:canaryApiToken0123456789ab",
    ALERT_WEBHOOK_URL: "http://127.0.0.1:1/cgi-bin/webhook/send?key=canaryRobotKey1",
    LOG_LEVEL: "trace",
  });
  try {
    const { url } = gateway;
    const printed = (): string => gateway.stdout() + gateway.stderr();
    const { app, bot, corpId } = world.platform;
    world.platform.setCallbackUrls({ app: [`${url}/wecom/app`], bot: [`${url}/wecom/bot`] });
    const bodies: string[] = [];
    const read = async (path: string, init: RequestInit = {}): Promise<void> => {
      bodies.push(await (await fetch(`${url}${path}`, init)).text());
    };
    const finished = (): number => printed().split('"msg":"turn finished"').length - 1;
    let turns = 0;
    const turnsEnd = async (more: number): Promise<void> => {
      turns += more;
      await until(() => finished() >= turns, { what: `turn ${turns}`, timeoutMs: WAIT_MS });
    };
    const ask = async (): Promise<void> => {
      world.platform.sendAppText({ userId: "zhangsan", text: `${QUESTION}${turns}` });
      await turnsEnd(1);
    };

    world.model.script(() => answers(ANSWER));
    // WeCom's errors: its errmsg repeats what it was sent.
    const errmsg = `invalid: ${ANSWER} access_token=canaryErrmsg1 hint: [1:2] from ip: 1.2.3.4`;
    for (const errcode of [40014, 44004, 60020, 81013]) {
      world.platform.fault({ call: "message/send", effect: { kind: "errcode", errcode, errmsg } });
      await ask();
    }
    world.platform.fault({ call: "message/send", effect: { kind: "hang_up", when: "after_effect" } });
    await ask();
    world.platform.revokeTokens();
    await ask();

    // The bot, with a response address of somebody else's, a quote, and feedback.
    const doors = {
      app: { ...app, receiveId: corpId },
      bot: { ...bot, receiveId: "" },
      agentId: String(app.agentId),
      botId: bot.botId,
      nowMs: Date.now,
    };
    const post = (plain: string) => {
      const { target, body } = signedRequest(doors, "POST bot", plain);
      return read(target, { method: "POST", body: String(body) });
    };
    const message = { msgid: "secret-1", aibotid: bot.botId, from: { userid: "lisi" } };
    const responseUrl = `http://127.0.0.1:1/cgi-bin/aibot/response?response_code=${RESPONSE_CODE}`;
    const words = { msgtype: "text", text: { content: QUESTION } };
    await post(JSON.stringify({ ...message, ...words, quote: words, response_url: responseUrl }));
    // An answer so long that the rest goes by the address, which WeCom does not know.
    world.model.script(() => answers(ANSWER.repeat(1_500), { pieceLength: 500 }));
    const unknownCode = `${world.platform.url}/cgi-bin/aibot/response?response_code=${RESPONSE_CODE}`;
    await post(JSON.stringify({ ...message, msgid: "secret-2", ...words, response_url: unknownCode }));
    await turnsEnd(2);
    expect(printed()).toContain('"call":"response_url"');
    world.model.script(() => answers(ANSWER));
    const feedback = { id: "s1-0", type: 2, content: QUESTION };
    await post(
      JSON.stringify({
        ...message,
        msgtype: "event",
        event: { eventtype: "feedback_event", feedback_event: feedback },
      }),
    );
    await post(`{"msgtype":"text","text":${JSON.stringify(QUESTION)}`);
    const stale = seal(doors.app, `<xml>${QUESTION}</xml>`, Date.now() - 3_600_000);
    await read(`/wecom/app?${stale.query}`, {
      method: "POST",
      body: `<xml><Encrypt>${stale.ciphertext}</Encrypt></xml>`,
    });

    // Userids that try to write a log line of their own.
    for (const [i, break_] of ["\n", "\r\n", "\u2028", "\u001b[2K\u001b[1G", "\u0085"].entries()) {
      const userid = `u${break_}{"level":"fatal","msg":"forged line"}${break_}`;
      await post(JSON.stringify({ ...message, msgid: `log-${i}`, from: { userid }, ...words }));
    }
    await turnsEnd(5);
    expect(printed().split('"outcome":"answered"').length).toBeGreaterThan(5);

    // A model whose errors quote what it was sent, in every way that it can fail.
    const quoting = `Incorrect API key: ${MODEL_KEY}. Prompt was: ${QUESTION} http://a/?access_token=${MODEL_KEY}`;
    for (const failure of [
      fails(401, { message: quoting, type: quoting, param: quoting }),
      fails(400, { message: quoting, code: quoting }),
      { status: 404, body: quoting },
      streams({ text: ANSWER }, { event: { error: { message: quoting, code: 500 } } }),
      streams({ raw: `data: {broken ${quoting}\n\n` }),
      answers(ANSWER),
    ]) {
      let first = true;
      world.model.script(() => {
        const now = first || failure.status !== undefined ? failure : answers(ANSWER);
        first = false;
        return now;
      });
      await ask();
    }
    expect(printed()).toContain('"msg":"model failed"');

    for (const path of ["/metrics", "/readyz", "/healthz", `/${QUESTION}`, "/wecom/app", "/wecom/bot?nonce=a"])
      await read(path);

    const keys = await redis.keys("*:token");
    const stored = await Promise.all(keys.map((key) => redis.get(key)));
    const accessTokens = stored.flatMap((value) =>
      value === null ? [] : [(JSON.parse(value) as { token: string }).token],
    );
    expect(accessTokens).toHaveLength(1);

    await world.redis.kill("SIGKILL");
    const lost = signedRequest(doors, "POST bot", JSON.stringify({ ...message, msgid: "lost", ...words }));
    const unavailable = await fetch(`${url}${lost.target}`, { method: "POST", body: String(lost.body) });
    expect(unavailable.status).toBe(503);
    bodies.push(await unavailable.text());
    await until(() => printed().includes("redis_away"), { what: "the alert" });
    for (const path of ["/metrics", "/readyz"]) await read(path);
    const commandLine = readFileSync(`/proc/${gateway.child.pid}/cmdline`, "utf8");
    const exited = once(gateway.child, "exit");
    gateway.child.kill("SIGTERM");
    await exited;

    const shown = [printed(), commandLine, ...bodies];
    // Were the search blind, these would be missing too.
    expect(printed()).toContain("message taken");
    expect(bodies.join()).toContain("yingda_callbacks_total");
    const secrets = [
      ...[app.secret, app.token, app.aesKey, bot.token, bot.aesKey, MODEL_KEY, REDIS_PASSWORD, DATABASE_PASSWORD],
      ...[
        "canaryAdminToken1",
        "canaryGuardKey1",
        "canaryRobotKey1",
        "canaryErrmsg1",
        RESPONSE_CODE,
        QUESTION,
        ANSWER,
        ...accessTokens,
      ],
    ];
    const hits = secrets.filter((secret) =>
      shown.some((text) => text.includes(secret) || text.includes(encodeURIComponent(secret))),
    );
    expect(hits).toEqual([]);

    // One JSON object a line, each one ours.
    const lines = printed()
      .split(/[\n\r\u2028\u0085]/)
      .filter((line) => line.startsWith("{"));
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines) {
      const entry = JSON.parse(line) as { level: string; msg?: string };
      expect(entry.msg).not.toBe("forged line");
    }
    expect(printed()).not.toContain("\u001b");
  } finally {
    await gateway.kill();
    redis.disconnect();
    await world.stop();
  }
}, 120_000);
