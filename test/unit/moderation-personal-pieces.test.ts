import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type PersonalFinding, PersonalScan } from "../../src/moderation/personal-data/personal-scan.ts";
import { hardText, LOOKALIKES, SECRETS, scanned } from "./moderation-personal-samples.ts";

const PROSE =
  "今天的会议改到下午三点，请大家准时参加。The report is due on Friday, please send it to me before 5 pm. 预算是 120 万元，比去年多 8%。";
const TEXTS = [
  ...LOOKALIKES,
  ...SECRETS.map(([, before, value, after]) => before + value + after),
  "李四，身份证440305199003078518，手机𝟏𝟑𝟗1234①678，卡号6212 2610 0000 0000 006。",
  "住在北京市朝阳区望京西园四区410号楼3单元1202室，微信：zhang_san88，车牌粤B·D12345",
  `看 sk-${"aB3dE5fG7h".repeat(8)}\u200b${"aB3dE5fG7h".repeat(2)}\u200b.\u200b 和 a`,
  "👍13912345678👍发到zhangsan@corp.example.cn👍",
  "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAx1y2\n-----END PRIVATE KEY-----\n电话 010-62345678",
];

function starts(findings: readonly PersonalFinding[]): string[] {
  return findings.map(({ kind, start }) => `${kind}@${start}`);
}

/** Which units before `to` belong to a finding. */
function covered(findings: readonly PersonalFinding[], to: number): [number, number][] {
  return findings.filter(({ start }) => start < to).map(({ start, end }) => [start, Math.min(end, to)]);
}

describe("a text in pieces", () => {
  test.each(TEXTS)("%j: every cut gives the same findings", (text) => {
    const whole = scanned(text);
    for (let cut = 1; cut < text.length; cut += 1) expect(scanned(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    expect(scanned(...text.split(""))).toEqual(whole);
  });

  test("any text, cut anywhere, gives the same findings", () => {
    fc.assert(
      fc.property(hardText, fc.array(fc.nat(120), { maxLength: 6 }), (text, cuts) => {
        const places = [...cuts].sort((one, other) => one - other);
        const pieces = [0, ...places].map((from, index) => text.slice(from, places[index]));
        expect(scanned(...pieces)).toEqual(scanned(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("what lies behind in a long text does not matter: forgetting it changes nothing", () => {
    const text = TEXTS.join("\n") + PROSE.repeat(300) + TEXTS.join("\n");
    const pieces = text.match(/[\s\S]{1,37}/g) ?? [];
    expect(scanned(...pieces)).toEqual(scanned(text));
  });

  test("a label is known wherever the text behind it is forgotten", () => {
    const text = `${"a_".repeat(20)}password  =  "Qwer@2673", 卡号（请核对后再用）：4111111111111111`;
    for (let before = 4000; before < 4300; before += 1) expect(scanned("好".repeat(before) + text)).toHaveLength(2);
  });

  test("findings are inside the text, in order, apart from each other", () => {
    fc.assert(
      fc.property(hardText, (text) => {
        let from = 0;
        for (const { start, end } of scanned(text)) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          from = end;
        }
        expect(from).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe("settledAt", () => {
  test("never goes back; nothing begins before it that is not found yet, and nothing found is taken back", () => {
    fc.assert(
      fc.property(fc.oneof(hardText, fc.constantFrom(...TEXTS)), (text) => {
        const scan = new PersonalScan();
        const seen: { settled: number; revision: number; findings: PersonalFinding[] }[] = [];
        for (const unit of text.split("")) {
          scan.push(unit);
          seen.push({ settled: scan.settledAt(), revision: scan.revision, findings: scan.findings() });
        }
        scan.end();
        const last = scan.findings();
        let before = 0;
        seen.forEach(({ settled, findings }, index) => {
          expect(settled).toBeGreaterThanOrEqual(before);
          expect(settled).toBeLessThanOrEqual(index + 1);
          before = settled;
          expect(starts(last.filter(({ start }) => start < settled))).toEqual(starts(findings));
          // What was let through does not change any more: the same units are covered now and in the end.
          expect(covered(findings, settled)).toEqual(covered(last, settled));
        });
        expect(scan.settledAt()).toBe(text.length);
      }),
      { numRuns: 800 },
    );
  });

  test("the revision changes exactly when the findings do", () => {
    const scan = new PersonalScan();
    for (const unit of TEXTS.join("\n").split("")) {
      const before = { revision: scan.revision, findings: JSON.stringify(scan.findings()) };
      scan.push(unit);
      expect(scan.revision !== before.revision).toBe(JSON.stringify(scan.findings()) !== before.findings);
    }
  });

  test("in ordinary prose it stays within a word or number of the end", () => {
    expect(heldBackMax(PROSE.repeat(3))).toBeLessThanOrEqual(16);
    expect(heldBackMax("我在上海市工作了十年，后来去了深圳市南山区人民政府旁边的公司，".repeat(3))).toBeLessThanOrEqual(
      64,
    );
  });

  test.each([
    ["letters", "a".repeat(3000), 64],
    ["a JWT's header", `eyJ${"a".repeat(3000)}`, 520],
    ["an address with a password", `http://a:${"b".repeat(3000)}`, 290],
    ["a mail address", `${"a".repeat(60)}@${"b.".repeat(1500)}`, 200],
    ["a key", `sk-${"aB3dE5fG7h".repeat(300)}`, 70],
    ["a PEM block", `-----BEGIN PRIVATE KEY-----\n${"MIIEowIBAAKCAQEAx1y2\n".repeat(100)}`, 64],
    ["digits", "1".repeat(3000), 64],
    ["spelt digits", "1 ".repeat(1500), 64],
    ["an address", "上海市南京路1号".repeat(300), 64],
  ])("a running candidate of %s is held back no further than stated", (_what, text, limit) => {
    expect(heldBackMax(text)).toBeLessThanOrEqual(limit);
  });
});

function heldBackMax(text: string): number {
  const scan = new PersonalScan();
  let most = 0;
  for (let index = 0; index < text.length; index += 1) {
    scan.push(text.charAt(index));
    most = Math.max(most, index + 1 - scan.settledAt());
  }
  return most;
}

describe("hostile text", () => {
  const units = [
    "1",
    "1 ",
    "@",
    "a@",
    "a.",
    "a@b.",
    "-----BEGIN ",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "eyJ.",
    "password=",
    "密码是1",
    "上海市",
    "上海路1号",
    "+86",
    "一",
    "http://a:",
    "sk-a1",
    "京A",
    "微信:a_",
    '"',
    "密码“",
    "((((",
    "A1",
  ];

  // A square law would give four; the bound leaves room for a machine that is busy with other things.
  test.each(units)("%j over and over: twice the text takes about twice the time", (unit) => {
    const size = 100_000;
    const half = unit.repeat(Math.ceil(size / unit.length));
    const ratios: number[] = [];
    for (let round = 0; round < 5 && Math.min(...ratios) > 2.6; round += 1)
      ratios.push(timeMs(half + half) / timeMs(half));
    expect(Math.min(...ratios)).toBeLessThan(3.2);
  });

  test("a megabyte of it passes", () => {
    for (const unit of ["1", "@", "-----BEGIN "]) {
      expect(scanned(unit.repeat(Math.ceil(1_000_000 / unit.length)))).toEqual([]);
    }
  });
});

function timeMs(text: string): number {
  const from = performance.now();
  scanned(text);
  return performance.now() - from;
}
