import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PersonalKind } from "../../src/moderation/personal-data/kinds.ts";
import {
  cardNumber,
  creditCode,
  found,
  fullWidth,
  idNumber,
  inChinese,
  LOOKALIKES,
  mobileNumber,
  SECRETS,
  SURROUNDINGS,
  scanned,
} from "./moderation-personal-samples.ts";

/** In every form and all surroundings, exactly the number is found. */
function alwaysFound(
  kind: PersonalKind,
  numbers: fc.Arbitrary<string>,
  forms: readonly ((number: string) => string)[],
) {
  fc.assert(
    fc.property(
      numbers,
      fc.constantFrom(...forms),
      fc.constantFrom(...SURROUNDINGS),
      (number, form, [before, after]) => {
        const written = form(number);
        expect(found(before + written + after)).toEqual([`${kind}: ${written}`]);
      },
    ),
    { numRuns: 400 },
  );
}

const grouped =
  (...sizes: number[]) =>
  (separator: string) =>
  (number: string) => {
    const groups: string[] = [];
    let from = 0;
    for (const size of sizes) {
      groups.push(number.slice(from, from + size));
      from += size;
    }
    return [...groups, number.slice(from)].filter((group) => group !== "").join(separator);
  };
const asIs = (number: string) => number;

describe("numbers with a check digit", () => {
  test("any valid ID number is found in any form", () => {
    const forms = [asIs, fullWidth, grouped(6, 8, 4)(" "), grouped(6, 4, 4)("-"), grouped(3, 3, 4, 4)(" "), inChinese];
    alwaysFound("id_card", idNumber, [...forms, (number) => number.toLowerCase()]);
  });

  test("any valid bank card of China is found, plain and grouped", () => {
    alwaysFound("bank_card", cardNumber, [asIs, fullWidth, grouped(4, 4, 4, 4)(" "), grouped(4, 4, 4, 4)("-")]);
  });

  test("any valid credit code is found", () => {
    alwaysFound("credit_code", creditCode, [asIs, fullWidth, (code) => code.toLowerCase()]);
  });

  test("cards of other brands need their groups or a word", () => {
    expect(found("4111 1111 1111 1111")).toEqual(["bank_card: 4111 1111 1111 1111"]);
    expect(found("信用卡 4111111111111111")).toEqual(["bank_card: 4111111111111111"]);
    expect(found("4111111111111111")).toEqual([]);
    expect(found("退款订单号 4111111111111111")).toEqual([]);
  });

  test("an old ID number needs its label", () => {
    expect(found("身份证 130503670401001")).toEqual(["id_card: 130503670401001"]);
    expect(found("编码 130503670401001")).toEqual([]);
  });
});

describe("phones", () => {
  test("any mobile number is found in any form", () => {
    const forms = ["+86", "+86 ", "86", "0086-", "+86-"].map((code) => (number: string) => code + number);
    const groupings = [grouped(3, 4), grouped(4, 3), grouped(3, 3), grouped(5)].flatMap((way) => [way(" "), way("-")]);
    alwaysFound("mobile", mobileNumber, [asIs, fullWidth, inChinese, ...forms, ...groupings]);
  });

  test.each([
    ["mobile", "tel:", "13912345678", ""],
    ["mobile", "phone=", "13912345678", "&x=1"],
    ["mobile", "我手机", "13912345678", "行不行"],
    ["mobile", "Phone No: ", "13912345678", ""],
    ["mobile", "张三-", "13912345678", "-802"],
    ["mobile", "打", "𝟏𝟑𝟗①②③④⑤⑥⑦⑧", "吧"],
    ["mobile", "打", "139\u200b1234\u200b5678", "\u200b"],
    ["mobile", "手機號碼：", "1 3 9 1 2 3 4 5 6 7 8", ""],
    ["mobile", "", "幺三九一二三四五六七八", ""],
    ["mobile", "", "+852 9123 4567", ""],
    ["mobile", "", "+1 (415) 555-2671", ""],
    ["landline", "电话 ", "010-62345678", ""],
    ["landline", "(", "0755)2634 5678", ""],
    ["landline", "", "0571-87654321", "转802"],
    ["landline", "座机", "02162345678", ""],
  ])("%s: %s%s%s is found", (kind, before, number, after) => {
    expect(found(before + number + after)).toEqual([`${kind}: ${number}`]);
  });

  test("a list of numbers gives all of them", () => {
    expect(found("13912345678,13812345670 139 1234 5678 139 1234 5679/15012345678")).toHaveLength(5);
  });
});

describe("documents, accounts, addresses", () => {
  test.each([
    ["passport", "我的护照是", "EA1234567", ""],
    ["passport", "", "E12345678", " 是我的护照号"],
    ["passport", "passport no. ", "G12345678", ""],
    ["travel_permit", "港澳通行证 ", "C12345678", ""],
    ["travel_permit", "回乡证号", "H1234567801", ""],
    ["travel_permit", "台胞证：", "12345678", ""],
    ["plate", "车牌", "粤BEH4N2", "今天来访"],
    ["plate", "", "粤B·D12345", ""],
    ["plate", "", "沪AD12345", "停在B2"],
    ["plate", "车牌号 ", "粤b12345", ""],
    ["email", "发到", "li.si+work@corp.example.cn", "."],
    ["email", "邮箱", "123456@qq.com", "，谢谢"],
    ["email", "", "ＺＳ＠ｑｑ．ｃｏｍ", ""],
    ["wechat", "加我微信：", "wx_zz15386", ""],
    ["wechat", "WeChat ID: ", "lisi2020", ""],
    ["wechat", "vx: ", "abc12345", ""],
    ["wechat", "微信号：", "apple2020", ""],
    ["wechat", "", "wxid_a1b2c3d4e5f622", ""],
    ["qq", "QQ：", "12345678", ""],
    ["address", "收货地址：", "上海市浦东新区张江路886号27栋1811室", "，王收"],
    ["address", "住在", "北京市朝阳区望京西园四区410号楼3单元1202室", "。"],
    ["address", "寄给我：", "上海徐汇区漕溪北路331号2幢1502室", ""],
    ["address", "家庭住址：", "江苏省苏州市姑苏区平江路18号", "，急"],
    ["address", "收货地址 ", "江苏省南京市鼓楼区中山路 18 号 3 栋 502 室", ""],
    ["address", "寄到", "深圳南山科技园南区高新南七道12号惠恒大厦2栋501", "吧"],
    ["address", "寄到", "深圳南山区高新南七道12号2栋", "13912345678A"],
    ["address", "就在张江路", "886号27栋1811室", ""],
  ])("%s: %s%s%s is found", (kind, before, value, after) => {
    expect(found(before + value + after)).toEqual([`${kind}: ${value}`]);
  });
});

describe("secrets", () => {
  test.each(SECRETS)("%s: behind %j", (kind, before, value, after) => {
    expect(found(before + value + after)).toEqual([`${kind}: ${value}`]);
  });

  test("a PEM block is found from its BEGIN line on, while it is being written", () => {
    const block = `-----BEGIN RSA PRIVATE KEY-----\n${"MIIEowIBAAKCAQEAx1y2+/\n".repeat(30)}-----END RSA PRIVATE KEY-----`;
    const text = `如下：\n${block}\n收到请删`;
    expect(found(text)).toEqual([`private_key: ${block}`]);
    expect(found(text.slice(0, 200))).toEqual([`private_key: ${text.slice(4, 200)}`]);
    expect(found(block.replaceAll("\n", "\\n"))).toHaveLength(1);
  });

  test("a key longer than any buffer is found to its end", () => {
    const key = `sk-${"aB3dE5fG7h".repeat(2000)}`;
    expect(found(`用 ${key} 吧`)).toEqual([`api_key: ${key}`]);
  });
});

describe("look-alikes", () => {
  test.each(LOOKALIKES)("%j: nothing is found", (text) => {
    expect(found(text)).toEqual([]);
  });

  test("random numbers of any length are hardly ever taken for something", () => {
    const numbers = fc.sample(fc.bigInt({ min: 10n ** 11n, max: 10n ** 18n }), { numRuns: 4000, seed: 7 });
    expect(numbers.filter((number) => found(`编号 ${number}`).length > 0)).toHaveLength(0);
    expect(numbers.filter((number) => found(`看 ${number} 吧`).length > 0).length).toBeLessThan(40);
  });
});

describe("confidence", () => {
  test("a telling word raises it, and it stays between 0 and 1", () => {
    const [plain] = scanned("13912345678");
    const [told] = scanned("手机 13912345678");
    expect(told?.confidence).toBeGreaterThan(plain?.confidence ?? 1);
    for (const [, before, value, after] of SECRETS) {
      for (const { confidence, category } of scanned(before + value + after)) {
        expect(confidence).toBeGreaterThan(0);
        expect(confidence).toBeLessThanOrEqual(1);
        expect(category).toBe("secret");
      }
    }
  });
});
