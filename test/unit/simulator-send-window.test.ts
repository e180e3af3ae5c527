import { describe, expect, test } from "@jest/globals";
import { DuplicateCheck, MemberWindows } from "../../simulator/send-window.ts";

const T0 = 1_700_000_000_000;

describe("a member's windows", () => {
  test("the 31st message within a minute is dropped, and the minute slides", () => {
    const windows = new MemberWindows(30, 1_000);
    for (let sent = 0; sent < 30; sent += 1) expect(windows.take("lisi", T0 + sent * 1_000)).toBe("ok");
    expect(windows.take("LiSi", T0 + 30_000)).toBe("minute_limit");
    expect(windows.take("wangwu", T0 + 30_000)).toBe("ok");
    // the first of the thirty has left the minute
    expect(windows.take("lisi", T0 + 60_001)).toBe("ok");
    expect(windows.take("lisi", T0 + 60_002)).toBe("minute_limit");
  });

  test("the 1001st message within an hour is dropped, and a dropped message does not count", () => {
    const windows = new MemberWindows(30, 1_000);
    for (let sent = 0; sent < 1_000; sent += 1) expect(windows.take("lisi", T0 + sent * 2_500)).toBe("ok");
    expect(windows.take("lisi", T0 + 2_500_000)).toBe("hour_limit");
    expect(windows.take("lisi", T0 + 3_600_001)).toBe("ok");
  });
});

describe("the duplicate check", () => {
  const body = Buffer.from('{"touser":"lisi"}');

  test("the same body is a repeat until the interval is over, another body never", () => {
    const check = new DuplicateCheck();
    expect(check.isRepeat(body, 10, T0)).toBe(false);
    expect(check.isRepeat(body, 10, T0 + 9_999)).toBe(true);
    expect(check.isRepeat(Buffer.from('{"touser": "lisi"}'), 10, T0 + 1)).toBe(false);
    expect(check.isRepeat(body, 10, T0 + 10_000)).toBe(false);
  });

  test("the interval is half an hour by default and four hours at most", () => {
    const check = new DuplicateCheck();
    check.isRepeat(body, undefined, T0);
    expect(check.isRepeat(body, undefined, T0 + 1_799_999)).toBe(true);
    expect(check.isRepeat(body, 999_999, T0 + 4 * 3_600_000 - 1)).toBe(true);
    expect(check.isRepeat(body, 999_999, T0 + 4 * 3_600_000)).toBe(false);
  });
});
