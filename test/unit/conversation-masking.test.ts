import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  judgedText,
  maskQuestion,
  masksIn,
  recordText,
  ShownText,
  unmaskedQuestion,
} from "../../src/conversation/masking.ts";
import type { Question } from "../../src/conversation/question.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import type { SessionTurn } from "../../src/session/session-turn.ts";
import { contextOf } from "./moderation-samples.ts";

const ID_NUMBER = "11010519491231002X";
const MOBILE = "13912345678";
const moderator = createModerator({ policy: loadPolicy(undefined) });

function questionOf(text: string, quote?: string): Question {
  const quoted = quote === undefined ? {} : { quote };
  return { text, ...quoted, speaker: "", group: false, notes: [], unread: [], images: [], change: "add" };
}

async function masked(question: Question, recalled: SessionTurn[] = [], userId = "zhangsan") {
  const verdict = await moderator.check(judgedText(question), contextOf());
  return maskQuestion(question, verdict, recalled, userId);
}

/** A kept turn, as it follows from a masked question and an answer. */
function kept(
  { question, masks }: Awaited<ReturnType<typeof masked>>,
  answer: string,
  userId = "zhangsan",
): SessionTurn {
  const texts = [question.text, question.quote ?? "", answer];
  const quote = question.quote === undefined ? {} : { quote: question.quote };
  const turn = { speaker: "", question: question.text, ...quote, answer, tokens: 1, atMs: 1 };
  return { ...turn, masks: masksIn(texts, masks, userId) };
}

describe("a question with personal data", () => {
  test("reaches the model with placeholders, in what was written and in what was quoted", async () => {
    const quote = `客户电话 ${MOBILE}，身份证 ${ID_NUMBER}`;
    const { question, masks } = await masked(questionOf(`帮我给 ${MOBILE} 写条短信`, quote));
    expect(question.text).toBe("帮我给 [手机号1] 写条短信");
    expect(question.quote).toBe("客户电话 [手机号1]，身份证 [身份证号1]");
    expect(masks.map(({ value }) => value).sort()).toEqual([ID_NUMBER, MOBILE].sort());
  });

  test("without any is left as it is", async () => {
    const question = questionOf("今天几号？", "会议改到周四");
    expect(await masked(question)).toEqual({ question, masks: [] });
  });

  test("keeps one placeholder for one value over the conversation, and a new one for a new value", async () => {
    const first = await masked(questionOf(`我的电话是 ${MOBILE}`));
    const turn = kept(first, "好的，记住 [手机号1]。");
    const second = await masked(questionOf(`把 ${MOBILE} 换成 13800138123`), [turn]);
    expect(second.question.text).toBe("把 [手机号1] 换成 [手机号2]");
  });

  test("of another person takes no number that is taken, and gives no value away", async () => {
    const turn = kept(await masked(questionOf(`我的电话是 ${MOBILE}`)), "好的。");
    const other = await masked(questionOf("我的电话是 13800138123"), [turn], "lisi");
    expect(other.question.text).toBe("我的电话是 [手机号2]");
    expect(new ShownText(other.masks).end("你的是 [手机号2]，张三的是 [手机号1]")).toBe(
      "你的是 13800138123，张三的是 [手机号1]",
    );
  });

  test("asked again is the text as it was written; another person's values stay hidden", async () => {
    const turn = kept(await masked(questionOf(`我的电话是 ${MOBILE}`, `身份证 ${ID_NUMBER}`)), "好的。");
    expect(unmaskedQuestion(turn, "ZhangSan")).toEqual({ text: `我的电话是 ${MOBILE}`, quote: `身份证 ${ID_NUMBER}` });
    expect(unmaskedQuestion(turn, "lisi")).toEqual({ text: "我的电话是 [手机号1]", quote: "身份证 [身份证号1]" });
  });

  test("a turn keeps only the masks that its texts name", async () => {
    const first = kept(await masked(questionOf(`我的电话是 ${MOBILE}，身份证 ${ID_NUMBER}`)), "好的。");
    const second = kept(await masked(questionOf("天气怎么样"), [first]), "晴，[手机号1] 会收到提醒。");
    expect(second.masks).toEqual([{ placeholder: "[手机号1]", value: MOBILE, userId: "zhangsan" }]);
  });
});

describe("an answer that grows", () => {
  test("shows values at every cut as in the whole, and no placeholder in part", async () => {
    const { masks } = await masked(questionOf(`我的电话是 ${MOBILE}，身份证 ${ID_NUMBER}`));
    const answer = "电话 [手机号1]，证号 [身份证号1]；[注] 请核对 [手机号1]。";
    const whole = new ShownText(masks).end(answer);
    expect(whole).toBe(`电话 ${MOBILE}，证号 ${ID_NUMBER}；[注] 请核对 ${MOBILE}。`);
    fc.assert(
      fc.property(fc.array(fc.nat(answer.length), { maxLength: 8 }), (cuts) => {
        const shown = new ShownText(masks);
        for (const cut of cuts.sort((one, other) => one - other)) {
          const text = shown.upTo(answer.slice(0, cut));
          expect(whole.startsWith(text)).toBe(true);
        }
        expect(shown.end(answer)).toBe(whole);
      }),
    );
  });
});

test("records name kinds instead of values", () => {
  expect(recordText(`电话 ${MOBILE}，身份证 ${ID_NUMBER}`)).toBe("电话 [手机号]，身份证 [身份证号]");
  expect(recordText("订单号 20260101123456")).toBe("订单号 20260101123456");
});
