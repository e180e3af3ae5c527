import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { admit, mayConnect, readMediaHosts } from "../../src/wecom/media-hosts.ts";

const RULES = readMediaHosts(["qyapi.weixin.qq.com", "*.myqcloud.com", "storage.corp.example:8443", "[::1]:9000"]);

function admission(url: string) {
  const parsed = URL.parse(url);
  return parsed === null ? null : admit(RULES, parsed);
}

describe("WECOM_MEDIA_HOSTS", () => {
  test.each([
    ["https://qyapi.weixin.qq.com/a", true],
    ["https://QYAPI.weixin.qq.com:443/a", true],
    ["http://qyapi.weixin.qq.com/a", true],
    ["https://bucket-1.cos.ap-guangzhou.myqcloud.com/a?sign=b", false],
    ["https://storage.corp.example:8443/a", true],
    ["http://[::1]:9000/a", true],
  ])("%s is admitted", (url, exact) => {
    expect(admission(url)).toEqual({ exact });
  });

  test.each([
    "https://myqcloud.com/",
    "https://evilmyqcloud.com/",
    "https://myqcloud.com.evil.example/",
    "https://evil.example/?.myqcloud.com",
    "https://evil.example#.myqcloud.com",
    "https://evil.example\\.myqcloud.com/",
    "https://a.myqcloud.com./",
    "https://a.myqcloud.com:8443/",
    "https://a.myqcloud.com@evil.example/",
    "https://user:password@a.myqcloud.com/",
    "https://qyapi.weixin.qq.com:8443/",
    "https://storage.corp.example/",
    "https://qyapi.we\u0456xin.qq.com/",
    "ftp://qyapi.weixin.qq.com/",
    "file:///etc/passwd",
    "data:text/plain,a",
  ])("%s is not", (url) => {
    expect(admission(url)).toBeNull();
  });

  test.each([
    "",
    "*",
    "*.com",
    "*.1.2.3.4",
    "*.[::1]",
    "a b",
    "host:0",
    "host:65536",
    "http://host",
    "a/b",
    "u@host",
    "host.",
  ])("%j is no entry", (entry) => {
    expect(() => readMediaHosts([entry])).toThrow(expect.objectContaining({ code: "bad_config" }));
  });

  test("an address is read in every spelling that a URL has for it", () => {
    expect(readMediaHosts(["127.1:80", "0x7f000001"]).map(({ host }) => host)).toEqual(["127.0.0.1", "127.0.0.1"]);
  });
});

describe("the address that a host has", () => {
  const EXACT = { exact: true };
  const BELOW = { exact: false };

  test.each(["1.1.1.1", "119.29.29.29", "2402:4e00::1", "::ffff:119.29.29.29"])(
    "%s is public: https alone",
    (address) => {
      expect([mayConnect(address, "https:", BELOW), mayConnect(address, "http:", EXACT)]).toEqual([true, false]);
    },
  );

  test.each(["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"])(
    "%s is private: for a host that is named exactly, by http too",
    (address) => {
      expect([mayConnect(address, "http:", EXACT), mayConnect(address, "https:", EXACT)]).toEqual([true, true]);
      expect([mayConnect(address, "http:", BELOW), mayConnect(address, "https:", BELOW)]).toEqual([false, false]);
    },
  );

  test.each([
    "169.254.169.254", // the clouds' metadata
    "fe80::1",
    "fe80::1%eth0",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "64:ff9b::7f00:1", // NAT64
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1", // 6to4
    "2001:0:7f00:1::1", // Teredo
    "::7f00:1",
    "::ffff:0:127.0.0.1",
    "::ffff:169.254.169.254",
    "2001:db8::1",
    "fec0::1",
    "100::1",
    "4000::1",
    "",
    "localhost",
  ])("%s is never connected to", (address) => {
    for (const protocol of ["https:", "http:"]) {
      expect([mayConnect(address, protocol, EXACT), mayConnect(address, protocol, BELOW)]).toEqual([false, false]);
    }
  });

  test("no IPv6 spelling of a private IPv4 address opens a host that is not named exactly", () => {
    const privateV4 = fc.oneof(
      fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
    );
    const prefix = fc.constantFrom("::", "::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::");
    fc.assert(
      fc.property(privateV4, prefix, (octets, before) => {
        expect(mayConnect(`${before}${octets.join(".")}`, "https:", BELOW)).toBe(false);
      }),
    );
  });
});
