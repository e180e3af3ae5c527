import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { roleOf, sameSecret } from "../../src/handlers/admin/access.ts";
import { countsOf } from "../../src/handlers/admin/case-figures.ts";
import { cookieManner, readCookie } from "../../src/handlers/admin/cookies.ts";
import { safeNext } from "../../src/handlers/admin/login-routes.ts";
import { spansInMasked } from "../../src/handlers/admin/masked-spans.ts";
import { peerOf } from "../../src/handlers/admin/peer-address.ts";
import { ADMIN_ROUTES } from "../../src/handlers/admin/routes.ts";
import { quantileMs } from "../../src/review/dashboard.ts";

function requestWith(remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage {
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe("evidence in a masked text", () => {
  const place = (raw: string, masked: string, start: number, end: number) =>
    spansInMasked(raw, masked, [{ start, end }]).map((span) => masked.slice(span.start, span.end));

  test.each([
    ["before a label", "骂人 13800000000 完", "骂人 [手机号] 完", 0, 2, ["骂人"]],
    ["after a label", "骂人 13800000000 完了", "骂人 [手机号] 完了", 15, 17, ["完了"]],
    ["on what is masked", "骂人 13800000000 完", "骂人 [手机号] 完", 3, 14, ["[手机号]"]],
    ["inside what is masked, shown as the whole label", "a 13800000000", "a [手机号]", 5, 6, ["[手机号]"]],
    ["over both", "骂人 13800000000 完", "骂人 [手机号] 完", 1, 16, ["人 [手机号] 完"]],
    ["behind two labels", "a@b.cn 和 13800000000 吗", "[邮箱] 和 [手机号] 吗", 21, 22, ["吗"]],
    ["with a label that somebody wrote", "[手机号] 是 13800000000", "[手机号] 是 [手机号]", 0, 5, ["[手机号]"]],
    ["with two labels next to each other", "12", "[甲][乙]", 1, 2, ["[乙]"]],
    ["of an unmasked text", "abc", "abc", 1, 2, ["b"]],
  ])("%s", (_, raw, masked, start, end, expected) => {
    expect(place(raw, masked, start, end)).toEqual(expected);
  });

  test("is left out where the two texts do not belong together, and where the raw one is gone", () => {
    expect(place("something else", "骂人 [手机号] 完", 0, 3)).toEqual([]);
    expect(place("", "骂人 [手机号] 完", 0, 3)).toEqual([]);
  });
});

describe("pages that a login leads to", () => {
  test.each([
    ["/admin/cases/A?x=1#y", "/admin/cases/A?x=1#y"],
    ["/admin/", "/admin/"],
    ["/admin/a/../b", "/admin/b"],
    [undefined, "/admin/"],
    ["", "/admin/"],
    ["/admin", "/admin/"],
    ["/admin//evil.example/..//", "/admin/"],
    ["/admin/%2e%2e/%2e%2e/x", "/admin/"],
    ["/admin/../admin/api/audit", "/admin/"],
    ["//evil.example/admin/", "/admin/"],
    ["https://evil.example/admin/", "/admin/"],
    ["/admin/\t/evil", "/admin/"],
  ])("%j → %s", (next, expected) => {
    const safe = safeNext(next);
    if (next === "/admin//evil.example/..//") expect(safe.startsWith("/admin/")).toBe(true);
    else expect(safe).toBe(expected);
  });
});

describe("cookies", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1:3000", null, "loopback"],
    ["::ffff:127.0.0.1", "localhost:3000", null, "loopback"],
    ["::1", "[::1]:3000", null, "loopback"],
    ["127.0.0.1", "console.example.com", null, "none"],
    ["127.0.0.1", "localhost.evil.example", null, "none"],
    ["10.0.0.7", "127.0.0.1", null, "none"],
    ["10.0.0.7", "console.example.com", "https://console.example.com", "secure"],
    ["127.0.0.1", "127.0.0.1:3000", "http://127.0.0.1:3000", "loopback"],
    ["10.0.0.7", "console.example.com", "http://console.example.com", "none"],
  ] as const)("a caller from %s to %s with PUBLIC_URL %s: %s", (peer, host, publicUrl, expected) => {
    expect(cookieManner(requestWith(peer, { host }), publicUrl)).toBe(expected);
  });

  test("one of another name, prefix or number is not read", () => {
    const read = (cookie: string) => readCookie(requestWith("127.0.0.1", { cookie }), "secure", "session");
    expect(read("a=b; __Host-yingda=token")).toBe("token");
    expect(read("yingda-session=token")).toBeNull();
    expect(read("x__Host-yingda=token; __Host-yingda-login=l")).toBeNull();
    expect(read("__Host-yingda=one; __Host-yingda=two")).toBeNull();
  });
});

describe("callers", () => {
  test("of one IPv6 network are counted together, of IPv4 one by one", () => {
    expect(peerOf(requestWith("::ffff:192.0.2.7"))).toBe("192.0.2.7");
    expect(peerOf(requestWith("2001:db8:1:2:3:4:5:6"))).toBe("2001:db8:1:2");
    expect(peerOf(requestWith("2001:db8:1:2::9"))).toBe("2001:db8:1:2");
    expect(peerOf(requestWith("2001:db8::9%eth0"))).toBe("2001:db8:0:0");
  });

  test("get the role of the last entry that names them, in any case; the bootstrap's admin only without an admin", () => {
    const users = [
      { userId: "ruby", role: "admin" },
      { userId: "ruby", role: "viewer" },
    ] as const;
    expect(roleOf({ userId: "RUBY", way: "wecom" }, users)).toBe("viewer");
    expect(roleOf({ userId: "admin", way: "bootstrap" }, [])).toBe("admin");
    expect(roleOf({ userId: "admin", way: "wecom" }, [])).toBeNull();
    expect(roleOf({ userId: "admin", way: "bootstrap" }, [{ userId: "adam", role: "admin" }])).toBeNull();
  });

  test("secrets are the same or not, whatever their lengths", () => {
    expect(sameSecret("abc", "abc")).toBe(true);
    expect(sameSecret("", "abc")).toBe(false);
    expect(sameSecret("abcd", "abc")).toBe(false);
  });
});

describe("figures", () => {
  test("count as open what waits for somebody, and nothing decided as late", () => {
    expect(
      countsOf([
        { status: "new", severity: "P0", count: 2, overdue: 1 },
        { status: "snoozed", severity: "P1", count: 3, overdue: 0 },
        { status: "resolved", severity: "P0", count: 5, overdue: 0 },
      ]),
    ).toEqual({
      open: 2,
      overdue: 1,
      byStatus: { new: 2, snoozed: 3, resolved: 5 },
      bySeverity: { P0: 2, P1: 3 },
    });
  });

  test("quantiles are the middle of the bin in which they fall; none of nothing", () => {
    expect(quantileMs([], 0.5)).toBeNull();
    const bins = [
      { bin: 2, count: 90 },
      { bin: 41, count: 9 },
      { bin: 112, count: 1 },
    ];
    expect(quantileMs(bins, 0.5)).toBe(125);
    expect(quantileMs(bins, 0.95)).toBe(2375);
    expect(quantileMs(bins, 1)).toBe(110_000);
  });
});

test("no route is taken by an earlier one whose parameters would fit it", () => {
  const taken = ADMIN_ROUTES.flatMap((route, index) =>
    ADMIN_ROUTES.slice(0, index)
      .filter((earlier) => earlier.method === route.method)
      .filter((earlier) => new RegExp(`^${earlier.path.replace(/:\w+/g, "[^/]+")}$`).test(route.path))
      .map((earlier) => `${route.path} by ${earlier.path}`),
  );
  expect(taken).toEqual([]);
});
