import { describe, expect, test } from "@jest/globals";
import { BoundedLog, BoundedMap } from "../../simulator/bounded-log.ts";
import { Journal, mask } from "../../simulator/journal.ts";

describe("masking", () => {
  test.each([
    ["/cgi-bin/message/send?access_token=abc-DEF_1&debug=1", "/cgi-bin/message/send?access_token=***&debug=1"],
    ["/cgi-bin/gettoken?corpid=ww1&corpsecret=s3cret", "/cgi-bin/gettoken?corpid=ww1&corpsecret=***"],
    [
      '{"response_url":"http://x/response?response_code=c0de","a":1}',
      '{"response_url":"http://x/response?response_code=***","a":1}',
    ],
    ['{"access_token":"abc", "expires_in":7200}', '{"access_token":"***", "expires_in":7200}'],
    ["<ResponseCode><![CDATA[c0de]]></ResponseCode>", "<ResponseCode><![CDATA[***]]></ResponseCode>"],
    ["nothing secret in access_token or here", "nothing secret in access_token or here"],
  ])("%s", (text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  test("keeps the beginning of a very long body only", () => {
    expect(mask("x".repeat(1_000_000)).length).toBeLessThan(70_000);
  });
});

describe("bounded containers", () => {
  test("a log keeps the newest in order and counts all", () => {
    const log = new BoundedLog<number>(10);
    for (let item = 0; item < 1_005; item += 1) log.push(item);
    expect(log.list()).toEqual([995, 996, 997, 998, 999, 1_000, 1_001, 1_002, 1_003, 1_004]);
    expect([
      log.total,
      log.list().at(-1),
      log.findLast((item) => item < 1_000),
      log.findLast((item) => item < 995),
    ]).toEqual([1_005, 1_004, 999, undefined]);
  });

  test("a log drops old items that weigh too much together, and always keeps the newest", () => {
    const log = new BoundedLog<string>(100, (item) => item.length, 10);
    for (const item of ["aaaa", "bbbb", "cc", "d"]) log.push(item);
    expect(log.list()).toEqual(["bbbb", "cc", "d"]);
    log.push("e".repeat(50));
    expect(log.list()).toEqual(["e".repeat(50)]);
    log.push("f");
    expect(log.list()).toEqual(["f"]);
  });

  test("a map drops what was set first", () => {
    const map = new BoundedMap<string, number>(2);
    for (const key of ["a", "b", "a", "c"]) map.set(key, key.charCodeAt(0));
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([undefined, 98, 99]);
  });
});

describe("waiting", () => {
  test("resolves on the change that makes it true, and not before", async () => {
    const journal = new Journal(Date.now, 10);
    let value = 0;
    let done = false;
    const wait = journal
      .waitFor(
        "topic",
        () => (value >= 2 ? value : undefined),
        1_000,
        () => "2",
      )
      .then((got) => {
        done = true;
        return got;
      });
    value = 1;
    journal.changed("topic");
    value = 2;
    journal.changed("another topic");
    await Promise.resolve();
    expect(done).toBe(false);
    journal.changed("topic");
    expect(await wait).toBe(2);
  });

  test("ends at its time limit with what was waited for and the violations", async () => {
    const journal = new Journal(Date.now, 10);
    journal.violate("bot", "stream_id_missing", "stream.id is missing");
    const wait = journal.waitFor(
      "topic",
      () => undefined,
      20,
      () => "a thing",
    );
    await expect(wait).rejects.toThrow(/20 ms for a thing.*stream_id_missing/);
  });

  test("ends at once when it can no longer come true", async () => {
    const journal = new Journal(Date.now, 10);
    const read = () => {
      throw new Error("over");
    };
    await expect(journal.waitFor("topic", read, 10_000, () => "x")).rejects.toThrow("over");
  });
});
