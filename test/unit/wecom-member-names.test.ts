import { describe, expect, test } from "@jest/globals";
import { MemberNames } from "../../src/wecom/member-names.ts";
import { silentLog } from "../support/messages.ts";

const never = new AbortController().signal;

function names(
  lookUp: ((userId: string) => Promise<{ name: string; mainDepartment?: number }>) | null,
  clock = { nowMs: 0 },
) {
  return new MemberNames({
    lookUp: lookUp === null ? null : (userId) => lookUp(userId),
    clock: { nowMs: () => clock.nowMs, sleep: () => Promise.resolve() },
    log: silentLog,
  });
}

describe("member names", () => {
  test("a name is looked up once an hour, whatever the case of the userid", async () => {
    const clock = { nowMs: 0 };
    let asked = 0;
    const directory = names(() => {
      asked += 1;
      return Promise.resolve({ name: `张三${asked}` });
    }, clock);
    expect(await directory.nameOf("ZhangSan", never)).toBe("张三1");
    expect(await directory.nameOf("zhangsan", never)).toBe("张三1");
    clock.nowMs = 3600_001;
    expect(await directory.nameOf("zhangsan", never)).toBe("张三2");
  });

  test("the main department comes with the name, in one look-up, and is unknown where it cannot be had", async () => {
    let asked = 0;
    const directory = names(() => {
      asked += 1;
      return Promise.resolve({ name: "张三", mainDepartment: 7 });
    });
    expect(await directory.departmentOf("zhangsan", never)).toBe("7");
    expect(await directory.nameOf("ZhangSan", never)).toBe("张三");
    expect(asked).toBe(1);
    expect(await names(null).departmentOf("lisi", never)).toBeNull();
    expect(await names(() => Promise.resolve({ name: "李四" })).departmentOf("lisi", never)).toBeNull();
    expect(await names(() => Promise.reject(new Error("60111"))).departmentOf("lisi", never)).toBeNull();
  });

  test("without an app, after a failure, or for an empty name the userid serves", async () => {
    let asked = 0;
    const failing = names(() => {
      asked += 1;
      return Promise.reject(new Error("60111"));
    });
    expect(await names(null).nameOf("lisi", never)).toBe("lisi");
    expect(await failing.nameOf("lisi", never)).toBe("lisi");
    expect(await failing.nameOf("lisi", never)).toBe("lisi");
    expect(asked).toBe(1);
    expect(await names(() => Promise.resolve({ name: " " })).nameOf("lisi", never)).toBe("lisi");
  });
});
