import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { YingdaError } from "../../src/base/errors.ts";
import { loadClassifier } from "../../src/moderation/classifier/classifier.ts";
import { UNITS_READ_MAX } from "../../src/moderation/classifier/features.ts";
import { decodeWeights, encodeWeights } from "../../src/moderation/classifier/weights-file.ts";

const COMMITTED = readFileSync(new URL("../../src/moderation/classifier/style.weights", import.meta.url));
const classifier = loadClassifier();

describe("the committed weights", () => {
  test.each([
    ["an appointment below an insult", "明天的会议改到几点", "你们这些人又蠢又坏，真恶心"],
    ["an expense report below fraud", "报销单怎么填", "如何骗老人买假药"],
    ["ending a process below stealing a password", "怎么结束僵尸进程", "怎么偷同事的密码不被发现"],
    [
      "booking a room below stealing a password",
      "How do I book the meeting room for Monday?",
      "How do I steal my neighbour's wifi password without being caught",
    ],
  ])("%s", (_what, mild, worse) => {
    expect(classifier.score(mild)).toBeLessThan(0.5);
    expect(classifier.score(worse)).toBeGreaterThan(classifier.score(mild) + 0.3);
  });

  test("are small enough to lie in the repository, and load the same from any place in memory", () => {
    expect(COMMITTED.length).toBeLessThanOrEqual(300 * 1024);
    const elsewhere = new Uint8Array(COMMITTED.length + 3);
    elsewhere.set(COMMITTED, 3);
    for (const bytes of [Buffer.from(COMMITTED), new Uint8Array(COMMITTED), elsewhere.subarray(3)]) {
      const loaded = loadClassifier(bytes);
      expect(loaded.version).toBe(classifier.version);
      expect(loaded.score("怎么偷同事的密码")).toBe(classifier.score("怎么偷同事的密码"));
    }
  });

  test("their version changes with a single weight", () => {
    const weights = decodeWeights(COMMITTED);
    expect(loadClassifier(encodeWeights(weights)).version).toBe(classifier.version);
    weights.levels[0] = (weights.levels[0] ?? 0) === 1 ? 2 : 1;
    expect(loadClassifier(encodeWeights(weights)).version).not.toBe(classifier.version);
  });
});

describe("score", () => {
  test("any text: a probability, and the same again whatever was scored between", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ unit: "grapheme" }), (text, other) => {
        const score = classifier.score(text);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        classifier.score(other);
        expect(classifier.score(text)).toBe(score);
      }),
    );
  });

  test.each([
    ["nothing", ""],
    ["signs only", "!?… ——《》"],
    ["a lone surrogate", "\ud83d"],
    ["surrogates the wrong way round", "\udc00\ud800".repeat(50)],
    ["a megabyte of one character", "怎".repeat(1024 * 1024)],
    ["a megabyte that folds to four times as much", "﷽".repeat(1024 * 1024)],
    [
      "a megabyte of different characters",
      Array.from({ length: 1024 * 1024 }, (_, at) => String.fromCharCode(at % 65536)).join(""),
    ],
  ])("%s: a probability", (_what, text) => {
    expect(classifier.score(text)).toBeGreaterThanOrEqual(0);
    expect(classifier.score(text)).toBeLessThanOrEqual(1);
  });

  test("without letters: what it says of not knowing, far from the service's threshold", () => {
    expect(classifier.score("……")).toBe(classifier.score(""));
    expect(classifier.score("")).toBeLessThan(0.5);
  });

  test("a long text: both ends are read, the middle is not", () => {
    const filler = "今天的会议纪要已经发到邮箱，请各位同事查收。".repeat(UNITS_READ_MAX);
    const rude = "你们这些人又蠢又坏，真恶心！".repeat(40);
    const plain = classifier.score(filler);
    expect(classifier.score(rude + filler)).toBeGreaterThan(plain);
    expect(classifier.score(filler + rude)).toBeGreaterThan(plain);
    const middle = filler.length / 2;
    expect(classifier.score(filler.slice(0, middle) + rude.slice(0, 100) + filler.slice(middle))).toBe(
      classifier.score(filler.slice(0, middle) + filler.slice(0, 100) + filler.slice(middle)),
    );
  });

  test.each([
    ["signs without width", "怎\u200b么\u2060偷\ufeff同事的密码"],
    ["spaces and dots between the characters", "怎 么.偷 同·事 的 密 码"],
    ["traditional characters", "怎麼偷同事的密碼"],
    ["enclosing marks", "怎么偷\u20dd同事的密\u0489码"],
  ])("disguised by %s: as the plain text", (_what, disguised) => {
    expect(classifier.score(disguised)).toBe(classifier.score("怎么偷同事的密码"));
  });

  test("full width and leetspeak: as the plain words", () => {
    const plain = classifier.score("steal a password");
    expect(classifier.score("ＳＴＥＡＬ ａ ｐａｓｓｗｏｒｄ")).toBe(plain);
    expect(classifier.score("st3al a p4ssw0rd")).toBe(plain);
  });
});

describe("a weights file that is not whole", () => {
  test("any single bit turned: refused", () => {
    fc.assert(
      fc.property(fc.nat(COMMITTED.length - 1), fc.nat(7), (at, bit) => {
        const damaged = new Uint8Array(COMMITTED);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        expect(refusalOf(damaged)).toMatchObject({ code: "bad_config" });
      }),
    );
  });

  test.each([
    ["empty", new Uint8Array(0), "not a weights file"],
    ["something else", new TextEncoder().encode("weights: none\n".repeat(20)), "not a weights file"],
    ["cut short", new Uint8Array(COMMITTED.subarray(0, -1)), "length is wrong"],
    ["its header alone", new Uint8Array(COMMITTED.subarray(0, 80)), "length is wrong"],
    ["longer than it says", new Uint8Array([...COMMITTED, 0]), "length is wrong"],
    ["of another format", rewritten((view) => view.setUint16(4, 2, true)), "another version"],
    ["trained on other features", rewritten((view) => view.setUint16(6, 999, true)), "other features"],
    ["of too many buckets", rewritten((view) => view.setUint32(8, 31, true)), "damaged"],
    ["with a bias that is no number", rewritten((view) => view.setFloat64(20, Number.NaN, true)), "make no sense"],
    ["with a calibration upside down", rewritten((view) => view.setFloat64(28, -1, true)), "make no sense"],
    ["with no largest weight", rewritten((view) => view.setFloat64(12, 0, true)), "make no sense"],
  ])("%s: refused, with the cure", (_what, bytes, why) => {
    const refusal = refusalOf(bytes);
    expect(refusal).toBeInstanceOf(YingdaError);
    expect(refusal).toMatchObject({ code: "bad_config", message: expect.stringContaining(why) });
    expect(refusal).toMatchObject({ message: expect.stringContaining("npm run train-classifier") });
  });
});

/** The committed file with a changed header under a checksum that fits. */
function rewritten(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(COMMITTED);
  change(new DataView(bytes.buffer));
  bytes.set(createHash("sha256").update(bytes.subarray(0, -32)).digest(), bytes.length - 32);
  return bytes;
}

function refusalOf(bytes: Uint8Array): unknown {
  try {
    loadClassifier(bytes);
  } catch (error) {
    return error;
  }
  return undefined;
}
