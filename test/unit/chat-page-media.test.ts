import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatBytes, planMessages } from "../../simulator/chat/media-plan.js";
import { outcomeOf } from "../../simulator/chat/packet-format.js";

type Media = Parameters<typeof planMessages>[2][number];

let serial = 0;
const media = (type: Media["type"]): Media => ({
  id: `m${++serial}`,
  type,
  name: `a.${type}`,
  contentType: "x/y",
  bytes: 1,
});
const plan = (kind: Parameters<typeof planMessages>[0], text: string, ...types: Media["type"][]) =>
  planMessages(kind, text, types.map(media)).map((one) => [one.text, ...one.media.map(({ type }) => type)]);

describe("files and text in the chat page", () => {
  test("pictures go to a bot with the text, other files before it", () => {
    expect(plan("bot_single", "看", "image", "file", "image")).toEqual([
      ["", "file"],
      ["看", "image", "image"],
    ]);
    expect(plan("bot_group", "@应答 看", "image")).toEqual([["@应答 看", "image"]]);
    expect(plan("bot_single", "看", "file")).toEqual([["", "file"], ["看"]]);
  });

  test("the text is a voice's transcript for a bot, never for the app", () => {
    expect(plan("bot_single", "说的话", "image", "voice")).toEqual([
      ["", "image"],
      ["说的话", "voice"],
    ]);
    expect(plan("app", "hello", "voice", "image")).toEqual([["", "voice"], ["", "image"], ["hello"]]);
  });

  test("without a text each goes by itself", () => {
    expect(plan("bot_single", "", "image", "image")).toEqual([
      ["", "image"],
      ["", "image"],
    ]);
    expect(plan("app", "hello")).toEqual([["hello"]]);
  });

  test("nothing is lost or sent twice, whatever was chosen", () => {
    const types = fc.array(fc.constantFrom("image", "voice", "video", "file"), { maxLength: 12 });
    const kinds = fc.constantFrom("app", "bot_single", "bot_group");
    fc.assert(
      fc.property(kinds, fc.constantFrom("", "text"), types, (kind, text, chosen) => {
        const files = chosen.map(media);
        const plans = planMessages(kind, text, files);
        const sent = plans.flatMap((one) => one.media.map(({ id }) => id));
        expect(sent.toSorted()).toEqual(files.map(({ id }) => id).toSorted());
        expect(plans.filter((one) => one.text !== "")).toHaveLength(text === "" ? 0 : 1);
        for (const one of plans)
          expect(one.media.length > 1 ? one.media.every((m) => m.type === "image") : true).toBe(true);
      }),
    );
  });

  test("a size is told in the unit that fits", () => {
    expect([0, 1023, 1024, 50_000, 3 * 1024 * 1024].map(formatBytes)).toEqual([
      "0 B",
      "1023 B",
      "1 KB",
      "49 KB",
      "3.0 MB",
    ]);
  });
});

test("an ack of the long connection is judged by its errcode", () => {
  const ack = (errcode: number) => JSON.stringify({ headers: { req_id: "r" }, errcode, errmsg: "…" });
  expect(outcomeOf({ status: 200, replyPlain: ack(846607) })).toEqual({ text: "846607", good: false });
  expect(outcomeOf({ status: 200, replyPlain: ack(0) })).toEqual({ text: "200", good: true });
});
