import { seal } from "../../../simulator/platform-crypto.ts";
import {
  around,
  channelOf,
  type Doors,
  goodPlain,
  type HostileRequest,
  type Route,
  signedRequest,
} from "../requests.ts";

const FORBIDDEN = [403] as const;

/** What is wrong on the request line and in the headers. */
export function fixedQueries(doors: Doors, route: Route): HostileRequest[] {
  const channel = channelOf(route);
  const plain = goodPlain(doors, route, "query");
  const keys = doors[channel];
  const right = signedRequest(doors, route, plain);
  const [path = "", query = ""] = right.target.split("?");
  const change = (edit: (search: URLSearchParams) => void): string => {
    const search = new URLSearchParams(query);
    edit(search);
    return `${path}?${search}`;
  };
  const set = (name: string, value: string): string => change((search) => search.set(name, value));
  const forged = (name: string, target: string): HostileRequest => ({
    ...right,
    name,
    target,
    statuses: FORBIDDEN,
    code: "bad_signature",
  });
  const aged = (seconds: number): HostileRequest => ({
    name: `signed ${seconds} s off`,
    ...around(route, seal(keys, plain, doors.nowMs() + seconds * 1000)),
    statuses: FORBIDDEN,
    code: "stale_timestamp",
  });
  const twice = (name: string): HostileRequest => ({
    ...right,
    name: `${name} twice`,
    target: change((search) => search.append(name, search.get(name) ?? "")),
    statuses: [400],
    code: "bad_request",
  });
  return [
    forged("no query", path),
    forged("an empty signature", set("msg_signature", "")),
    forged("zeros for a signature", set("msg_signature", "0".repeat(40))),
    forged("a signature in capitals", set("msg_signature", "ABCDEF0123".repeat(4))),
    forged("a signature of 1,000 digits", set("msg_signature", "a".repeat(1_000))),
    forged("another nonce", set("nonce", "987654321")),
    forged("a nonce with a line break", set("nonce", "1\r\nset-cookie: a=b")),
    forged("a nonce of 129 characters", set("nonce", "1".repeat(129))),
    forged("another second", set("timestamp", String(Math.floor(doors.nowMs() / 1000) - 1))),
    forged("a negative timestamp", set("timestamp", "-1")),
    forged("a timestamp in exponents", set("timestamp", "1e9")),
    forged("a timestamp beyond 2^53", set("timestamp", "9".repeat(20))),
    forged("a timestamp in full-width digits", set("timestamp", "１７９００００００")),
    forged("a bare percent sign", `${path}?msg_signature=%&timestamp=%E4%BD&nonce=%00`),
    forged("__proto__ in the query", `${path}?__proto__[msg_signature]=a&constructor=b`),
    forged("the signature as an array", `${path}?msg_signature[]=a&timestamp[]=1&nonce[]=1`),
    forged("a thousand parameters", `${path}?${"a=1&".repeat(1_000)}`),
    aged(-301),
    // Ahead of us by more than the limit and the time until it is sent; the limit itself is a unit test.
    aged(330),
    aged(-90_000),
    aged(86_400 * 365),
    twice("msg_signature"),
    twice("timestamp"),
    twice("nonce"),
    ...(route.startsWith("GET") ? [twice("echostr")] : []),
    {
      ...right,
      name: "a request line of 60 KB",
      target: `${path}?a=${"b".repeat(60_000)}`,
      statuses: [431],
      refusedByParser: true,
    },
    {
      ...forged("500 odd headers", path),
      headers: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, "1"])),
    },
    {
      ...right,
      name: "headers of 60 KB",
      headers: { "x-long": "a".repeat(60_000) },
      statuses: [431],
      refusedByParser: true,
    },
    ...["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"].map(
      (method): HostileRequest => ({
        name: `the method ${method}`,
        method,
        target: right.target,
        statuses: method === "OPTIONS" ? [200] : [405],
        ...(method === "OPTIONS" ? {} : { code: "method_not_allowed" }),
      }),
    ),
    { name: "no method at all", method: "HACK", target: right.target, statuses: [400], refusedByParser: true },
    ...[`${path}/../../etc/passwd`, `${path}%00`, `${path}/%2e%2e/`, `//${path}`, "/wecom/%E0%A4%A"].map(
      (target): HostileRequest => ({ name: `the path ${target}`, method: right.method, target, statuses: [400, 404] }),
    ),
  ];
}
