import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import { codeOf } from "../../src/base/errors.ts";
import { readXmlEnvelope } from "../../src/wecom/envelope-xml.ts";

const CIPHERTEXT = "4j/AuRx71kQlxVlzbpsMWFM3FLIlE7+Rr0vpqUk+32s=";

/** `null` for `malformed_body`; any other error is a failure of the test. */
function read(body: string): string | null {
  try {
    return readXmlEnvelope(body).encrypt;
  } catch (error) {
    if (codeOf(error) !== "malformed_body") throw error;
    return null;
  }
}

describe("readXmlEnvelope", () => {
  test("the envelope that WeCom documents gives its ciphertext", () => {
    const body = `<xml>
   <ToUserName><![CDATA[ww1234567890abcdef]]></ToUserName>
   <AgentID><![CDATA[1000002]]></AgentID>
   <Encrypt><![CDATA[${CIPHERTEXT}]]></Encrypt>
</xml>\n`;
    expect(read(body)).toBe(CIPHERTEXT);
  });

  test.each([
    ["without CDATA", `<xml><Encrypt>${CIPHERTEXT}</Encrypt></xml>`],
    ["with the ciphertext first", `<xml><Encrypt>${CIPHERTEXT}</Encrypt><AgentID>1</AgentID></xml>`],
    ["with an empty element", `<xml><AgentID></AgentID><Encrypt>${CIPHERTEXT}</Encrypt></xml>`],
    ["with an empty CDATA", `<xml><AgentID><![CDATA[]]></AgentID><Encrypt>${CIPHERTEXT}</Encrypt></xml>`],
    ["with an element that WeCom may add later", `<xml><New_1>x</New_1><Encrypt>${CIPHERTEXT}</Encrypt></xml>`],
    ["with Windows line ends", `<xml>\r\n\t<Encrypt>${CIPHERTEXT}</Encrypt>\r\n</xml>\r\n`],
  ])("an envelope %s is read", (_name, body) => {
    expect(read(body)).toBe(CIPHERTEXT);
  });

  const e = `<Encrypt>${CIPHERTEXT}</Encrypt>`;
  test.each([
    ["nothing", ""],
    ["text", "hello"],
    ["JSON", `{"encrypt":"${CIPHERTEXT}"}`],
    ["another root", `<html>${e}</html>`],
    ["no root", e],
    ["a DOCTYPE", `<!DOCTYPE xml [<!ENTITY a "b">]><xml>${e}</xml>`],
    ["a DOCTYPE inside", `<xml><!DOCTYPE a><Encrypt>${CIPHERTEXT}</Encrypt></xml>`],
    ["an ENTITY inside", `<xml><!ENTITY a "b">${e}</xml>`],
    ["an XML declaration", `<?xml version="1.0"?><xml>${e}</xml>`],
    ["a byte order mark", `\ufeff<xml>${e}</xml>`],
    ["a comment", `<xml><!-- -->${e}</xml>`],
    ["a processing instruction", `<xml><?php ?>${e}</xml>`],
    ["two Encrypt", `<xml>${e}${e}</xml>`],
    ["two Encrypt, one in CDATA", `<xml>${e}<Encrypt><![CDATA[${CIPHERTEXT}]]></Encrypt></xml>`],
    ["another element twice", `<xml><AgentID>1</AgentID><AgentID>2</AgentID>${e}</xml>`],
    ["Encrypt in a deeper element", `<xml><a>${e}</a></xml>`],
    ["an element inside Encrypt", "<xml><Encrypt><a>x</a></Encrypt></xml>"],
    ["markup in a CDATA", `<xml><AgentID><![CDATA[<Encrypt>x</Encrypt>]]></AgentID>${e}</xml>`],
    ["a CDATA in a CDATA", `<xml><AgentID><![CDATA[<![CDATA[x]]></AgentID>${e}</xml>`],
    ["two CDATA", `<xml><Encrypt><![CDATA[4j/A]]><![CDATA[uRx7]]></Encrypt></xml>`],
    ["an entity", "<xml><Encrypt>4j&#47;A</Encrypt></xml>"],
    ["an attribute", `<xml><Encrypt a="1">${CIPHERTEXT}</Encrypt></xml>`],
    ["an attribute of the root", `<xml a="1">${e}</xml>`],
    ["a self-closing element", `<xml><AgentID/>${e}</xml>`],
    ["text between elements", `<xml>x${e}</xml>`],
    ["text after the root", `<xml>${e}</xml>x`],
    ["a second root", `<xml>${e}</xml><xml>${e}</xml>`],
    ["another closing name", "<xml><Encrypt>abcd</Encrypts></xml>"],
    ["another case of the name", `<xml><encrypt>${CIPHERTEXT}</encrypt></xml>`],
    ["an open element", `<xml><Encrypt>${CIPHERTEXT}`],
    ["an open CDATA", `<xml><Encrypt><![CDATA[${CIPHERTEXT}`],
    ["an open root", `<xml>${e}`],
    ["an empty Encrypt", "<xml><Encrypt></Encrypt></xml>"],
    ["white space in Encrypt", `<xml><Encrypt> ${CIPHERTEXT} </Encrypt></xml>`],
    ["no base64 in Encrypt", "<xml><Encrypt>你好</Encrypt></xml>"],
    ["base64 that goes on after its end", "<xml><Encrypt>abc=abc=</Encrypt></xml>"],
    ["a name of odd characters", `<xml><a:b>1</a:b>${e}</xml>`],
    ["an endless name", `<xml><${"a".repeat(100)}>1</${"a".repeat(100)}>${e}</xml>`],
    ["a name from Object's prototype, unclosed", "<xml><__proto__>1</__proto__></xml>"],
    [
      "more elements than WeCom has",
      `<xml>${Array.from({ length: 17 }, (_, i) => `<a${i}>1</a${i}>`).join("")}${e}</xml>`,
    ],
  ])("%s is malformed_body", (_name, body) => {
    expect(read(body)).toBeNull();
  });

  test("the error never quotes the body", () => {
    try {
      readXmlEnvelope("<xml><Secret>somebody's words</Secret></xml>");
      throw new Error("it was read");
    } catch (error) {
      expect(String(error)).not.toMatch(/Secret|words/);
    }
  });
});

describe("readXmlEnvelope beside fast-xml-parser", () => {
  const general = new XMLParser({
    ignoreAttributes: false,
    parseTagValue: false,
    processEntities: false,
    trimValues: false,
    maxNestedTags: 20,
  });

  /** What a general reader takes for the one Encrypt below the root. */
  function readGenerally(body: string): string | null {
    try {
      const encrypt: unknown = general.parse(body, true)?.xml?.Encrypt;
      return typeof encrypt === "string" ? encrypt : null;
    } catch {
      return null;
    }
  }

  const fragment = fc.constantFrom(
    ..."<xml>|</xml>|<Encrypt>|</Encrypt>|<![CDATA[|]]>|<AgentID>|</AgentID>|abcd|AB==| |\n|<|>|&amp;|<!DOCTYPE a>|<!--|-->|/|!".split(
      "|",
    ),
  );
  const soup = fc.array(fragment, { maxLength: 24 }).map((parts) => parts.join(""));
  const value = fc.oneof({ weight: 4, arbitrary: fc.constantFrom("abcd", "AB==", "", "x y", "你") }, soup);
  const element = fc
    .tuple(fc.constantFrom("Encrypt", "AgentID", "ToUserName"), value, fc.boolean())
    .map(([name, inner, cdata]) => `<${name}>${cdata ? `<![CDATA[${inner}]]>` : inner}</${name}>`);
  const byName = (markup: string) => markup.slice(0, 5);
  const nearly = fc
    .oneof(fc.uniqueArray(element, { selector: byName, maxLength: 3 }), fc.array(element, { maxLength: 4 }))
    .map((elements) => `<xml>${elements.join("\n")}</xml>`);

  test("whatever ours reads, a general XML parser reads as the same ciphertext", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(soup, nearly), (body) => {
        const ours = read(body);
        if (ours === null) return;
        accepted += 1;
        expect(readGenerally(body)).toBe(ours);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(30);
  });

  test("any well-formed flat envelope is read by both alike", () => {
    const base64 = fc.base64String({ minLength: 4 });
    fc.assert(
      fc.property(base64, fc.boolean(), fc.constantFrom("", " ", "\r\n  "), (ciphertext, cdata, space) => {
        const inner = cdata ? `<![CDATA[${ciphertext}]]>` : ciphertext;
        const body = `${space}<xml>${space}<AgentID>1</AgentID>${space}<Encrypt>${inner}</Encrypt>${space}</xml>${space}`;
        expect([read(body), readGenerally(body)]).toEqual([ciphertext, ciphertext]);
      }),
    );
  });

  test("no text at all makes it throw anything but malformed_body", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), soup, nearly), (body) => {
        read(body);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The bodies that stop a careless reader (research: a cubic expression needed 11 s for 4 KB of spaces). */
const PROBES: [string, (n: number) => string][] = [
  ["opening tags", (n) => "<Encrypt>".repeat(n / 9)],
  ["opening tags in the root", (n) => `<xml>${"<Encrypt>".repeat(n / 9)}`],
  ["open CDATAs", (n) => "<Encrypt><![CDATA[".repeat(n / 18)],
  ["open CDATAs in the root", (n) => `<xml>${"<Encrypt><![CDATA[".repeat(n / 18)}`],
  ["spaces in Encrypt", (n) => `<Encrypt>${" ".repeat(n)}`],
  ["spaces in Encrypt in the root", (n) => `<xml><Encrypt>${" ".repeat(n)}`],
  ["spaces in a closed Encrypt", (n) => `<xml><Encrypt>${" ".repeat(n)}</Encrypt></xml>`],
  ["letters in Encrypt", (n) => `<Encrypt>${"a".repeat(n)}`],
  ["letters in Encrypt in the root", (n) => `<xml><Encrypt>${"a".repeat(n)}`],
  ["base64 that ends wrongly", (n) => `<xml><Encrypt>${"a".repeat(n)}!</Encrypt></xml>`],
  ["spaces before the root", (n) => " ".repeat(n)],
  ["spaces between elements", (n) => `<xml>${" ".repeat(n)}`],
  ["elements", (n) => `<xml>${"<a>1</a>".repeat(n / 8)}</xml>`],
  ["an endless name", (n) => `<xml><${"a".repeat(n)}`],
  ["brackets in a CDATA", (n) => `<xml><Encrypt><![CDATA[${"]".repeat(n)}`],
  ["closing tags", (n) => "</xml>".repeat(n / 6)],
];

/** UTF-16 units that string searches and regular expressions were given to look at: a clock that no busy machine disturbs. */
function unitsScanned(work: () => void): number {
  const strings = String.prototype;
  const { indexOf, includes, startsWith, slice, charCodeAt } = strings;
  const { test: matches } = RegExp.prototype;
  let units = 0;
  strings.indexOf = function (wanted: string, from = 0) {
    const index = indexOf.call(this, wanted, from);
    units += (index < 0 ? this.length : index) - from + wanted.length;
    return index;
  };
  strings.includes = function (wanted: string, from = 0) {
    units += this.length;
    return includes.call(this, wanted, from);
  };
  strings.startsWith = function (wanted: string, from = 0) {
    units += wanted.length;
    return startsWith.call(this, wanted, from);
  };
  strings.slice = function (start, end) {
    const part = slice.call(this, start, end);
    units += part.length;
    return part;
  };
  strings.charCodeAt = function (index) {
    units += 1;
    return charCodeAt.call(this, index);
  };
  RegExp.prototype.test = function (text) {
    units += text.length;
    return matches.call(this, text);
  };
  try {
    work();
  } finally {
    Object.assign(strings, { indexOf, includes, startsWith, slice, charCodeAt });
    RegExp.prototype.test = matches;
  }
  return units;
}

function fastestMs(work: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const startedAtMs = performance.now();
    work();
    return performance.now() - startedAtMs;
  });
  return Math.min(...times);
}

describe("readXmlEnvelope's work is proportional to the body", () => {
  test.each(PROBES)("%s: each unit is looked at a few times at most, however long the body", (_name, probe) => {
    for (const n of [10_000, 20_000, 40_000]) {
      const body = probe(n);
      expect(unitsScanned(() => read(body))).toBeLessThan(5 * body.length + 1000);
    }
  });

  test("the count sees work that grows faster than the body", () => {
    const quadratic = (n: number) =>
      unitsScanned(() => {
        const body = "a".repeat(n);
        for (let at = 0; at < n; at += 1) body.indexOf("b", at);
      });
    expect(quadratic(2000) / quadratic(1000)).toBeGreaterThan(3);
  });

  test.each(PROBES)(
    "%s of 126 KB take milliseconds, and eight times the body no more than its share",
    (_name, probe) => {
      const small = probe(126_000);
      const large = probe(1_008_000);
      const smallMs = fastestMs(() => read(small));
      // Below 5 ms on a quiet machine; this one may be busy. The count above is the exact measure.
      expect(smallMs).toBeLessThan(25);
      expect(fastestMs(() => read(large))).toBeLessThan(8 * 4 * Math.max(smallMs, 0.25));
    },
  );
});
