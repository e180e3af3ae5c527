import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers, streams } from "../support/fault-model-server.ts";
import { startPrivatePostgres } from "../support/private-postgres.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

async function readiness(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("failures", () => {
  test("with Redis away a callback gets 503, WeCom sends it again, and it is answered once when Redis is back", async () => {
    const gateway = await world.startGateway();
    world.platform.sendAppText({ userId: "zhangsan", text: "先" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    await world.redis.kill("SIGKILL");
    const sent = world.platform.sendAppText({ userId: "zhangsan", text: "后" });
    await until(() => world.logLines.some((line) => line.code === "store_unavailable"));
    await until(async () => (await readiness(gateway.url)).body.redis === "away");
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    await world.redis.restart();
    const { attempts } = await sent.outcome;
    expect(attempts.length).toBeGreaterThan(1);
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox).toHaveLength(2);
    await until(async () => (await readiness(gateway.url)).status === 200);
    // The session outlived the restart: Redis keeps its writes on disk.
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain("先");
  }, 60_000);

  test("with the database away chats go on, readyz says so, and the records are written later", async () => {
    const locked = join(world.dataDir, "locked");
    // A file where the folder should be: nothing can be opened below it, for root as well.
    const { writeFileSync, rmSync } = await import("node:fs");
    writeFileSync(locked, "");
    const gateway = await world.startGateway({ DATA_DIR: locked });
    world.platform.sendAppText({ userId: "zhangsan", text: "记一笔" });
    const sent = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(sent[0]?.text).toBe("好的。");
    const ready = await readiness(gateway.url);
    expect([ready.status, ready.body.database, ready.body.redis]).toEqual([503, "away", "ok"]);
    rmSync(locked);
    mkdirSync(locked);
    chmodSync(locked, 0o700);
    await until(async () => (await readiness(gateway.url)).status === 200, { timeoutMs: WAIT_MS });
    const conversation = `app:${world.platform.app.agentId}:zhangsan`;
    await until(async () => (await gateway.records.turnsOfConversation(conversation, 10)).length === 1, {
      timeoutMs: WAIT_MS,
    });
    const [turn] = await gateway.records.turnsOfConversation(conversation, 10);
    expect(turn).toMatchObject({ question: "记一笔", answer: "好的。", outcome: "answered", model: "test-model" });
  }, 60_000);

  test("PostgreSQL that is killed and comes back: chats go on meanwhile, every record is written once", async () => {
    const postgres = await startPrivatePostgres();
    if (postgres === null) return; // said why on its own
    try {
      const gateway = await world.startGateway({ DATABASE_URL: postgres.url });
      const conversation = `app:${world.platform.app.agentId}:zhangsan`;
      const ask = async (count: number): Promise<void> => {
        world.platform.sendAppText({ userId: "zhangsan", text: `第${count}条` });
        await world.platform.waitForAppMessages("zhangsan", count, WAIT_MS);
      };
      await ask(1);
      await until(async () => (await gateway.records.turnsOfConversation(conversation, 10)).length === 1);
      await postgres.kill("SIGKILL");
      await ask(2);
      await ask(3);
      expect((await readiness(gateway.url)).body.database).toBe("away");
      await postgres.restart();
      await until(
        async () => {
          const turns = await gateway.records.turnsOfConversation(conversation, 10).catch(() => []);
          return turns.length === 3;
        },
        { timeoutMs: WAIT_MS },
      );
      const turns = await gateway.records.turnsOfConversation(conversation, 10);
      expect(turns.map((turn) => turn.question).sort()).toEqual(["第1条", "第2条", "第3条"]);
    } finally {
      await world.stop();
      await postgres.stop();
    }
  }, 90_000);

  test("a killed worker's turn is taken over within about ten seconds and answered once", async () => {
    const doomed = await world.startProcess();
    world.model.script([streams({ text: "说到一半" }, { hang: true }), answers("完整的回答")]);
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    await world.model.request(1);
    await doomed.kill();
    const killedAtMs = performance.now();
    world.forget(doomed.url);
    await world.startProcess();
    const inbox = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(inbox.map((message) => message.text)).toEqual(["完整的回答"]);
    expect(performance.now() - killedAtMs).toBeLessThan(20_000);
  }, 60_000);

  test("a worker killed between two parts of an answer: the rest arrives, no part twice", async () => {
    const doomed = await world.startProcess();
    const answer = Array.from({ length: 6 }, (_, i) => `第${i + 1}段${"字".repeat(550)}`).join("\n\n");
    world.model.script([answers(answer, { pieceLength: 400 })]);
    // The third send hangs before it has any effect: the worker dies with two parts out.
    world.platform.fault({
      call: "message/send",
      effect: { kind: "delay", delayMs: 4_000, when: "before_effect" },
      after: 2,
    });
    world.platform.sendAppText({ userId: "zhangsan", text: "长文" });
    await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    await until(() => world.platform.callCount("message/send") >= 2);
    await doomed.kill();
    world.forget(doomed.url);
    await world.startProcess();
    await until(() => world.platform.inbox("zhangsan").length >= 6, { timeoutMs: WAIT_MS });
    const texts = world.platform.inbox("zhangsan").map((message) => message.text);
    expect(texts.join("\n\n")).toBe(answer);
    expect(world.model.requests).toHaveLength(1);
  }, 60_000);

  test("a send whose answer was lost arrives once: WeCom recognises the identical request", async () => {
    await world.startGateway();
    world.platform.fault({ call: "message/send", effect: { kind: "hang_up", when: "after_effect" } });
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    await until(() => world.platform.sends.some((send) => send.duplicate), { timeoutMs: WAIT_MS });
    expect(world.platform.inbox("zhangsan")).toHaveLength(1);
  }, 60_000);

  test("a bot message that comes while the process drains is kept, and answered by whoever comes next", async () => {
    const leaving = await world.startGateway({}, { drainMs: 3_000 });
    world.model.script([streams({ text: "一" }, { hang: true })]);
    world.platform.sendBotText({ userId: "zhangsan", text: "一" });
    await world.model.request(1);
    const stopped = leaving.stop();
    await until(async () => (await readiness(leaving.url)).status === 503);
    const late = world.platform.sendBotText({ userId: "lisi", text: "二" });
    expect((await late.outcome).result).toBe("accepted");
    await stopped;
    world.forget(leaving.url);
    await world.startGateway();
    await world.platform.waitForBubble(late.messageId, { finished: true }, WAIT_MS);
  }, 60_000);

  test("SIGTERM: the running turn finishes, the process exits 0, and nothing new is taken", async () => {
    const replica = await world.startProcess();
    world.model.script([answers("慢慢说完这句话。", { pieceLength: 1, everyMs: 100 })]);
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    await world.model.request(1);
    expect(await replica.terminate()).toBe(0);
    const inbox = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(inbox[0]?.text).toBe("慢慢说完这句话。");
  }, 60_000);

  test("a turn that cannot finish before the drain's end is handed over at once and counted as no try", async () => {
    const leaving = await world.startGateway({}, { drainMs: 200 });
    world.model.script([streams({ text: "一" }, { hang: true }), answers("接着答完")]);
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    await world.model.request(1);
    world.forget(leaving.url);
    await leaving.stop();
    expect(await world.model.requests[0]?.closed).toBe("client");
    const startedAtMs = performance.now();
    await world.startGateway();
    const inbox = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(inbox[0]?.text).toBe("接着答完");
    expect(performance.now() - startedAtMs).toBeLessThan(6_000);
    const started = world.logLines.filter((line) => line.msg === "turn started");
    expect(started.map((line) => line.attempt)).toEqual([1, 1]);
  }, 60_000);

  test("a turn longer than TURN_TIMEOUT_SECONDS ends with one apology and closes the model's request", async () => {
    await world.startGateway({ TURN_TIMEOUT_SECONDS: "1" });
    world.model.script([streams({ text: "开头" }, { hang: true })]);
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    const inbox = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(inbox[0]?.text).toMatch(/时间太长/);
    expect(await world.model.requests[0]?.closed).toBe("client");
  });

  test("a web process and a worker process divide the work", async () => {
    await world.startProcess({ ROLE: "web" });
    const worker = await world.startProcess({ ROLE: "worker" });
    world.forget(worker.url);
    world.platform.sendAppText({ userId: "zhangsan", text: "分工" });
    expect(await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS)).toHaveLength(1);
    expect((await fetch(`${worker.url}/wecom/app`)).status).toBe(404);
  }, 60_000);
});

describe("what operators see", () => {
  test("metrics count callbacks, turns, tokens, verdicts and sends", async () => {
    const gateway = await world.startGateway();
    world.platform.sendAppText({ userId: "zhangsan", text: "问题" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    await until(() => world.logLines.some((line) => line.msg === "turn finished"));
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(text).toContain('yingda_callbacks_total{channel="app",kind="message",status="200"} 1');
    expect(text).toContain('yingda_turns_total{channel="app",outcome="answered"} 1');
    expect(text).toContain('yingda_verdicts_total{direction="question",action="allow"} 1');
    expect(text).toContain('yingda_wecom_calls_total{call="message/send",errcode="0"} 1');
    expect(text).toMatch(/yingda_model_tokens_total\{model="test-model",direction="answer"\} \d/);
    expect(text).toMatch(/yingda_turn_stage_seconds_bucket/);
  });

  test("log lines carry the turn's trace id and never the text, the tokens or the keys", async () => {
    await world.startGateway({ OPENAI_API_KEY: "sk-canary-key" });
    world.model.script([answers("机密回答内容"), { status: 401, body: '{"error":{"message":"机密 sk-canary-key"}}' }]);
    for (const [i, text] of ["机密问题内容", "机密第二问"].entries()) {
      world.platform.sendAppText({ userId: "zhangsan", text });
      await world.platform.waitForAppMessages("zhangsan", i + 1, WAIT_MS);
    }
    await until(() => world.logLines.filter((line) => line.msg === "turn finished").length === 2);
    const printed = JSON.stringify(world.logLines);
    expect(printed).not.toContain("机密");
    for (const secret of [
      "sk-canary-key",
      world.platform.app.secret,
      world.platform.app.token,
      world.platform.app.aesKey,
      world.platform.bot.token,
      world.platform.bot.aesKey,
      "access_token",
      "response_code",
    ]) {
      expect(printed).not.toContain(secret);
    }
    const traceId = world.logLines.find((line) => line.msg === "message taken")?.traceId;
    expect(world.logLines.filter((line) => line.traceId === traceId).length).toBeGreaterThan(3);
  });
});
