import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import { type AppCallback, parseAppCallback } from "../../src/wecom/callback-xml.ts";

const COMMON = `<ToUserName><![CDATA[ww1]]></ToUserName><FromUserName><![CDATA[ZhangSan]]></FromUserName><CreateTime>1700000000</CreateTime>`;

function messageXml(msgType: string, own: string, msgId = "4561255354251345929"): string {
  return `<xml>${COMMON}<MsgType><![CDATA[${msgType}]]></MsgType>${own}<MsgId>${msgId}</MsgId><AgentID>1000002</AgentID></xml>`;
}

function eventXml(event: string, own = ""): string {
  return `<xml>${COMMON}<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[${event}]]></Event>${own}<AgentID>1000002</AgentID></xml>`;
}

function textXml(content: string): string {
  return messageXml("text", `<Content>${content}</Content>`);
}

function contentOf(xml: string): unknown {
  const callback = parseAppCallback(xml);
  return callback.kind === "message" ? callback.content : callback;
}

function textOf(xml: string): string {
  const callback = parseAppCallback(xml);
  if (callback.kind !== "message" || callback.content.type !== "text") throw new Error(`a ${callback.kind}`);
  return callback.content.text;
}

function eventOf(xml: string): Extract<AppCallback, { kind: "event" }> {
  const callback = parseAppCallback(xml);
  if (callback.kind !== "event") throw new Error(`a ${callback.kind}`);
  return callback;
}

function isMalformed(xml: string): boolean {
  try {
    parseAppCallback(xml);
  } catch (error) {
    if (codeOf(error) !== "malformed_body") throw error;
    return true;
  }
  return false;
}

describe("parseAppCallback and messages", () => {
  test("a text message comes back whole, with every id as text", () => {
    expect(parseAppCallback(textXml("<![CDATA[你好]]>"))).toEqual({
      kind: "message",
      msgId: "4561255354251345929",
      fromUserId: "ZhangSan",
      agentId: "1000002",
      toCorpId: "ww1",
      createTimeS: 1_700_000_000,
      content: { type: "text", text: "你好" },
    });
  });

  test("a MsgId beyond 2^53 keeps every digit, and one with leading zeros too", () => {
    for (const id of ["9223372036854775807", "18446744073709551615", "00017", "1e5", "0x10"]) {
      const callback = parseAppCallback(messageXml("text", "<Content>x</Content>", id));
      expect(callback.kind === "message" && callback.msgId).toBe(id);
    }
  });

  test.each([
    [
      "image",
      "<PicUrl><![CDATA[https://p/1]]></PicUrl><MediaId><![CDATA[m1]]></MediaId>",
      { type: "image", mediaId: "m1", picUrl: "https://p/1" },
    ],
    [
      "voice",
      "<MediaId><![CDATA[m2]]></MediaId><Format><![CDATA[amr]]></Format>",
      { type: "voice", mediaId: "m2", format: "amr" },
    ],
    [
      "video",
      "<MediaId><![CDATA[m3]]></MediaId><ThumbMediaId><![CDATA[t3]]></ThumbMediaId>",
      { type: "video", mediaId: "m3", thumbMediaId: "t3" },
    ],
    [
      "location",
      "<Location_X>23.134521</Location_X><Location_Y>-113.358803</Location_Y><Scale>20</Scale><Label><![CDATA[广州 &amp; 东]]></Label><AppType><![CDATA[wxwork]]></AppType>",
      { type: "location", latitude: 23.134521, longitude: -113.358803, label: "广州 &amp; 东" },
    ],
    [
      "link",
      "<Title><![CDATA[标题]]></Title><Description><![CDATA[说明]]></Description><Url><![CDATA[https://u/?a=1&b=2]]></Url><PicUrl><![CDATA[p]]></PicUrl>",
      { type: "link", title: "标题", description: "说明", url: "https://u/?a=1&b=2" },
    ],
  ])("a message of type %s gives its own fields", (msgType, own, content) => {
    expect(contentOf(messageXml(msgType, own))).toEqual(content);
  });

  test("a type that is not documented is unknown, not an error", () => {
    expect(parseAppCallback(messageXml("hologram", "<Depth>3</Depth>"))).toEqual({
      kind: "unknown",
      msgType: "hologram",
    });
  });

  test("pretty-printed XML is read like the compact form", () => {
    const pretty = textXml("<![CDATA[ two  spaces ]]>").replaceAll("><", ">\n  <").replaceAll("]]>\n  <", "]]><");
    expect(textOf(pretty)).toBe(" two  spaces ");
    expect(parseAppCallback(pretty)).toEqual(parseAppCallback(textXml("<![CDATA[ two  spaces ]]>")));
  });

  test("entities are decoded in plain text and left alone in CDATA", () => {
    expect(textOf(textXml("a &lt;b&gt; &amp;lt; &quot;&apos;"))).toBe(`a <b> &lt; "'`);
    expect(textOf(textXml("<![CDATA[a &lt;b&gt; &amp;]]>"))).toBe("a &lt;b&gt; &amp;");
  });

  test("white space at the ends of a plain text is part of it", () => {
    expect(textOf(textXml("  a\n "))).toBe("  a\n ");
  });

  test("a text that was split because it holds ]]> comes back in one piece", () => {
    expect(textOf(textXml("<![CDATA[a]]]]><![CDATA[>b]]>"))).toBe("a]]>b");
  });

  test("whatever a member writes comes back as written, markup and DOCTYPE included", () => {
    const words = fc.constantFrom(
      ..."<xml>|</Content>|<!DOCTYPE x>|<!--|-->|<?php|&lt;|&amp;|&#65;|<![CDATA[|]]|>|你好|😀|\n| |\t|__proto__|#text".split(
        "|",
      ),
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (written) => {
        const cdata = `<![CDATA[${written.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;
        // XML itself reads every line end as a line feed.
        expect(textOf(textXml(cdata))).toBe(written.replace(/\r\n?/g, "\n"));
      }),
      { numRuns: 1500 },
    );
  });

  test("an entity that a DOCTYPE declares is never expanded", () => {
    const xml = `<!DOCTYPE xml [<!ENTITY a "boom">]>${textXml("&a;&a;")}`;
    expect(isMalformed(xml) || textOf(xml) === "&a;&a;").toBe(true);
    const file = `<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/hostname">]>${textXml("&a;")}`;
    expect(isMalformed(file) || textOf(file) === "&a;").toBe(true);
  });

  test("names from Object's prototype pollute nothing", () => {
    const xml = `<xml>${COMMON}<__proto__><polluted>1</polluted></__proto__></xml>`;
    expect(isMalformed(xml)).toBe(true);
    expect(isMalformed(`<xml>${COMMON}<constructor>1</constructor><toString>x</toString></xml>`)).toBe(true);
    expect("polluted" in {}).toBe(false);
  });

  test.each([
    ["nothing", ""],
    ["JSON", "{}"],
    ["an open element", "<xml><MsgType>text</xml>"],
    ["an element that another name closes", textXml("x").replace("</Content>", "</Contents>")],
    ["another root", textXml("x").replaceAll("xml>", "html>")],
    ["two roots", textXml("x") + textXml("x")],
    ["deep nesting", `<xml>${"<a>".repeat(1000)}${"</a>".repeat(1000)}</xml>`],
    ["no MsgType", `<xml>${COMMON}</xml>`],
    ["an empty MsgType", messageXml("", "")],
    ["no MsgId", textXml("x").replace(/<MsgId>.*<\/MsgId>/, "")],
    ["no FromUserName", textXml("x").replace(/<FromUserName>.*<\/FromUserName>/, "")],
    ["no Content", messageXml("text", "")],
    ["two Content", messageXml("text", "<Content>a</Content><Content>b</Content>")],
    ["a time in words", textXml("x").replace("1700000000", "today")],
    ["a location in words", messageXml("location", "<Location_X>north</Location_X><Location_Y>1</Location_Y>")],
    ["an image without media id", messageXml("image", "<PicUrl>p</PicUrl>")],
  ])("%s is malformed_body", (_name, xml) => {
    expect(isMalformed(xml)).toBe(true);
  });

  test("no text at all makes it throw anything but malformed_body, nor quote what it read", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, wrapped) => {
        try {
          parseAppCallback(wrapped ? `<xml>${text}</xml>` : text);
        } catch (error) {
          expect(codeOf(error)).toBe("malformed_body");
          if (text.length > 8) expect(String(error)).not.toContain(text);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseAppCallback and events", () => {
  const key = "<EventKey><![CDATA[k]]></EventKey>";
  const documented: [string, string][] = [
    ["subscribe", ""],
    ["unsubscribe", ""],
    ["enter_agent", "<EventKey><![CDATA[]]></EventKey>"],
    ["LOCATION", "<Latitude>23.1</Latitude><Longitude>113.3</Longitude><Precision>119.4</Precision>"],
    ["click", key],
    ["view", key],
    ["view_miniprogram", key],
    ["scancode_push", `${key}<ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult></ScanCodeInfo>`],
    ["scancode_waitmsg", `${key}<ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>2</ScanResult></ScanCodeInfo>`],
    [
      "pic_sysphoto",
      `${key}<SendPicsInfo><Count>1</Count><PicList><item><PicMd5Sum>1b</PicMd5Sum></item></PicList></SendPicsInfo>`,
    ],
    ["pic_photo_or_album", `${key}<SendPicsInfo><Count>0</Count><PicList/></SendPicsInfo>`],
    ["pic_weixin", key],
    [
      "location_select",
      `${key}<SendLocationInfo><Location_X>1</Location_X><Location_Y>2</Location_Y><Label>l</Label></SendLocationInfo>`,
    ],
    ["batch_job_result", "<BatchJob><JobId>S0</JobId></BatchJob>"],
    ["change_contact", "<ChangeType>create_user</ChangeType>"],
    ["open_approval_change", "<ApprovalInfo><ThirdNo>1</ThirdNo></ApprovalInfo>"],
    ["share_agent_change", ""],
    ["share_chain_change", ""],
    ["inactive_alert", "<EffectTime>1700000000</EffectTime>"],
    ["low_active_alert", "<EffectTime>1700000000</EffectTime>"],
    ["close_inactive_agent", ""],
    ["reopen_inactive_agent", ""],
    ["low_active", ""],
    ["active_restored", ""],
    ["an_event_of_next_year", "<Whatever><a>1</a></Whatever>"],
  ];
  test.each(documented)("the event %s is an event, whatever else it carries", (event, own) => {
    expect(eventOf(eventXml(event, own))).toEqual({
      kind: "event",
      event,
      eventKey: own.startsWith(key) ? "k" : "",
      fromUserId: "ZhangSan",
      agentId: "1000002",
      createTimeS: 1_700_000_000,
      dedupeKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test("an event of the platform without AgentID is read", () => {
    const xml = eventXml("change_contact").replace(/<AgentID>.*<\/AgentID>/, "");
    expect(eventOf(xml).agentId).toBe("");
  });

  test("the same event delivered again has the same dedupeKey; another sender, time, event, key or card has not", () => {
    const base = eventXml("click", key);
    const card = (task: string) => eventXml("template_card_event", `${key}<TaskId>${task}</TaskId>`);
    const keys = [
      base,
      base.replace("ZhangSan", "LiSi"),
      base.replace("1700000000", "1700000001"),
      eventXml("view", key),
      eventXml("click", "<EventKey><![CDATA[other]]></EventKey>"),
      card("t1"),
      card("t2"),
    ].map((xml) => eventOf(xml).dedupeKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(eventOf(base).dedupeKey).toBe(keys[0]);
  });

  test("parts of the dedupeKey cannot be shifted into each other", () => {
    const a = eventXml("click", "<EventKey>b</EventKey>").replace("ZhangSan", 'x","a');
    const b = eventXml("click", '<EventKey>a","b</EventKey>').replace("ZhangSan", "x");
    expect(eventOf(a).dedupeKey).not.toBe(eventOf(b).dedupeKey);
  });

  const cardHead = `<EventKey><![CDATA[approve]]></EventKey><TaskId><![CDATA[task-1]]></TaskId><CardType><![CDATA[vote_interaction]]></CardType><ResponseCode><![CDATA[rc-1]]></ResponseCode>`;
  const selected = (items: string) => `${cardHead}<SelectedItems>${items}</SelectedItems>`;
  const item = (question: string, ...options: string[]) =>
    `<SelectedItem><QuestionKey><![CDATA[${question}]]></QuestionKey><OptionIds>${options.map((o) => `<OptionId><![CDATA[${o}]]></OptionId>`).join("")}</OptionIds></SelectedItem>`;

  test.each([
    ["no selection", cardHead, []],
    ["an empty selection", selected(""), []],
    ["one question with one option", selected(item("q1", "1")), [{ questionKey: "q1", optionIds: ["1"] }]],
    [
      "several questions and options",
      selected(item("q1", "1", "2") + item("q2")),
      [
        { questionKey: "q1", optionIds: ["1", "2"] },
        { questionKey: "q2", optionIds: [] },
      ],
    ],
  ])("a click on a card with %s gives arrays", (_name, own, selectedItems) => {
    for (const event of ["template_card_event", "template_card_menu_event"]) {
      const callback = eventOf(eventXml(event, own));
      expect(callback.eventKey).toBe("approve");
      expect(callback.card).toEqual({
        taskId: "task-1",
        cardType: "vote_interaction",
        responseCode: "rc-1",
        selectedItems,
      });
    }
  });

  test("option ids that look like numbers stay text", () => {
    expect(
      eventOf(eventXml("template_card_event", selected(item("007", "9007199254740993")))).card?.selectedItems,
    ).toEqual([{ questionKey: "007", optionIds: ["9007199254740993"] }]);
  });

  test("a click without its card's task is malformed_body", () => {
    expect(isMalformed(eventXml("template_card_event", "<EventKey>k</EventKey>"))).toBe(true);
  });
});
