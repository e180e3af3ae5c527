import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import sharp from "sharp";
import { systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/logger.ts";
import { picturesOf, withoutPictures } from "../../src/conversation/answer-pictures.ts";
import { PICTURES_MAX, PictureLift } from "../../src/conversation/picture-lift.ts";
import type { ChatEvent } from "../../src/llm/chat-model.ts";

const mark = (alt: string) => `[图片：${alt}]`;
const signal = new AbortController().signal;
const PAYLOAD = "QRSTUVWXYZ0123456789".repeat(8);
const URL_ = `data:image/png;base64,${PAYLOAD}`;

/** What the lift lets out of the pieces, after each of them and at the end. */
function lift(pieces: readonly string[]): { shown: string[]; text: string; urls: string[] } {
  const one = new PictureLift(mark);
  let text = "";
  const shown = pieces.map((piece) => {
    text += one.push(piece);
    return text;
  });
  text += one.end();
  return { shown, text, urls: one.urls };
}

/** The text cut at these places, given as parts of its length. */
function cutAt(text: string, places: readonly number[]): string[] {
  const at = [...new Set([0, ...places.map((place) => Math.floor(place * text.length)), text.length])];
  at.sort((one, other) => one - other);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

const PIECES = fc.constantFrom(
  "字",
  "!",
  "![",
  "](",
  "d",
  "data:",
  "data:image/",
  "\n",
  ")",
  " ",
  '"',
  "<",
  ">",
  "[",
  "]",
  "aB3/",
  URL_,
  `![图](${URL_})`,
  `![a [b] c](<${URL_}> "title")`,
  "![x](https://pictures.example/a.png)",
  "![例](data:image/png;base64,...)",
);
const ANSWERS = fc.array(PIECES, { maxLength: 14 }).map((pieces) => pieces.join(""));

describe("PictureLift", () => {
  test("however an answer is cut, its text and its pictures are the same", () => {
    fc.assert(
      fc.property(
        ANSWERS,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        (answer, places) => {
          const { text, urls } = lift([answer]);
          const cut = lift(cutAt(answer, places));
          expect(cut.text).toBe(text);
          expect(cut.urls).toEqual(urls);
          expect(lift([...answer]).text).toBe(text);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("nothing of a data URL is shown at any moment, and what is shown only grows", () => {
    fc.assert(
      fc.property(ANSWERS, (answer) => {
        const { shown, text } = lift([...answer]);
        for (const each of [...shown, text]) {
          expect(each).not.toMatch(/QRSTUV/);
          expect(text.startsWith(each)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a text without a data URL comes through as it is", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), PIECES), { maxLength: 12 }), (pieces) => {
        const answer = pieces.join("");
        fc.pre(!/data:/i.test(answer));
        expect(lift(pieces).text).toBe(answer);
      }),
    );
  });

  test.each([
    ["alone", `![山](${URL_})`, "[图片：山]", [URL_]],
    ["in a text", `看：![山](${URL_})好看吗`, "看：[图片：山]好看吗", [URL_]],
    ["with a title and brackets", `![a [b]](<${URL_}> "t") end`, "[图片：a [b]] end", [URL_]],
    ["without brackets", `<img src="${URL_}">`, '<img src="[图片：]">', [URL_]],
    ["cut off by the answer's end", `看：![山](${URL_}`, "看：[图片：山]", []],
    ["cut off at its beginning", "看：![山](data:image/png;base64,iVBOR", "看：[图片：山]", []],
    ["an example", "写 `![x](data:image/png;base64,...)` 即可", "写 `![x](data:image/png;base64,...)` 即可", []],
    ["only begun", "结束 ![", "结束 ![", []],
  ])("a picture %s", (_what, answer, text, urls) => {
    expect(lift([answer])).toMatchObject({ text, urls });
  });

  test("of many pictures the first are kept, and all are left out; so is one that is too long", () => {
    const many = lift([`![x](${URL_})`.repeat(PICTURES_MAX + 3)]);
    expect(many.urls).toHaveLength(PICTURES_MAX);
    expect(many.text).toBe(mark("x").repeat(PICTURES_MAX + 3));
    expect(lift([`![x](${URL_}${"A".repeat(3_000_000)})!`])).toMatchObject({ text: `${mark("x")}!`, urls: [] });
  });
});

describe("withoutPictures", () => {
  async function* answer(pieces: readonly string[]): AsyncGenerator<ChatEvent> {
    for (const text of pieces) yield { type: "text", text };
    yield { type: "end", result: { finishReason: "stop", model: "m", endpoint: "e", firstTokenMs: 1 } };
  }

  test("the text that was held back comes before the end", async () => {
    const events: ChatEvent[] = [];
    for await (const event of withoutPictures(answer(["好", "!"]), new PictureLift(mark))) events.push(event);
    expect(events.map((event) => (event.type === "text" ? event.text : event.type))).toEqual(["好", "!", "end"]);
  });

  test("a text without end is an error, a long picture is none", async () => {
    const all = async (pieces: string[]): Promise<number> => {
      let count = 0;
      for await (const _event of withoutPictures(answer(pieces), new PictureLift(mark))) count += 1;
      return count;
    };
    await expect(all(["字".repeat(300_000)])).rejects.toMatchObject({ code: "model_cut_short" });
    expect(await all([`![x](${URL_}${"A".repeat(500_000)})`])).toBe(2);
  });
});

describe("picturesOf", () => {
  const log = createLogger("silent", { write: () => undefined });
  const parts = { desk: undefined, mark, signal, traceId: "t", clock: systemClock, log };
  const png = async (side = 40) =>
    sharp({ create: { width: side, height: side, channels: 3, background: "#c81e1e" } })
      .png()
      .toBuffer();

  test("a lifted picture is made fit; one that is damaged or no picture is left out", async () => {
    const url = `data:image/png;base64,${(await png()).toString("base64")}`;
    const { text, pictures } = await picturesOf("看", [url, URL_, "data:text/plain,hello"], parts);
    expect(text).toBe("看");
    expect(pictures).toHaveLength(1);
    expect(pictures[0]).toMatchObject({ mimeType: "image/png", md5: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  test("four large pictures together stay small", async () => {
    const noise = await sharp({
      create: {
        width: 1_500,
        height: 1_500,
        channels: 3,
        background: "#fff",
        noise: { type: "gaussian", mean: 128, sigma: 60 },
      },
    })
      .jpeg({ quality: 60 })
      .toBuffer();
    const url = `data:image/jpeg;base64,${noise.toString("base64")}`;
    const { pictures } = await picturesOf(
      "",
      Array.from({ length: PICTURES_MAX }, () => url),
      parts,
    );
    expect(pictures).toHaveLength(PICTURES_MAX);
    const bytes = pictures.reduce((sum, { base64 }) => sum + Buffer.from(base64, "base64").length, 0);
    expect(bytes).toBeLessThanOrEqual(1.5 * 1024 * 1024);
  });

  test("a picture by its address stays a link in code, where none may be fetched, and where that fails", async () => {
    const link = "![图](https://pictures.example/a.png)";
    const answer = `${link}\n\`${link}\`\n\`\`\`\n${link}\n\`\`\`\n![坏](https://pictures.example/b.png)`;
    expect(await picturesOf(answer, [], parts)).toEqual({ text: answer, pictures: [] });
    const asked: string[] = [];
    const fetchPicture = async (url: string): Promise<Buffer> => {
      asked.push(url);
      if (url.endsWith("b.png")) throw new YingdaError("media_gone", "gone");
      return png();
    };
    const { text, pictures } = await picturesOf(answer, [], { ...parts, desk: { fetchPicture } });
    expect(asked.sort()).toEqual(["https://pictures.example/a.png", "https://pictures.example/b.png"]);
    expect(text).toBe(answer.replace(link, mark("图")));
    expect(pictures).toHaveLength(1);
  });
});
