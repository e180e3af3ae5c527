import ipaddr from "ipaddr.js";
import { YingdaError } from "../base/errors.ts";

/**
 * Where media may be fetched from (contract.md, WECOM_MEDIA_HOSTS and ANSWER_IMAGE_HOSTS). Addresses of media come with a message and lie in a store
 * until they are used: whoever could change one would have us read, from inside the network, whatever answers there.
 */
export interface MediaHostRule {
  /** As the URL parser writes it; of `*.example.com` the part behind the star. */
  host: string;
  /** Null: the scheme's own. */
  port: number | null;
  /** Any name below `host`, never `host` itself. */
  wildcard: boolean;
}

/** Why a URL may be called, where it may. */
export interface Admission {
  /** Its host is named in full: only then may its address be a private one. */
  exact: boolean;
}

const ENTRY_SHAPE = /^(\*\.)?(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\*]+)(?::([0-9]{1,5}))?$/i;

/**
 * Reads the entries of such a list: `host`, `host:port`, `*.domain`, `*.domain:port`.
 * @throws YingdaError `bad_config` for one that names no host, or a whole top-level domain.
 */
export function readMediaHosts(entries: readonly string[]): MediaHostRule[] {
  return entries.map((entry) => {
    const [, star, name = "", port] = ENTRY_SHAPE.exec(entry.trim()) ?? [];
    const host = URL.parse(`http://${name}`)?.hostname ?? "";
    const wildcard = star !== undefined;
    const portNumber = port === undefined ? null : Number(port);
    const isDomain = host.includes(".") && !isAddress(host);
    const faulty = host === "" || host.endsWith(".") || portNumber === 0 || (portNumber ?? 1) > 65_535;
    if (faulty || (wildcard && !isDomain)) {
      throw new YingdaError(
        "bad_config",
        "WECOM_MEDIA_HOSTS and ANSWER_IMAGE_HOSTS take host, host:port or *.domain, comma-separated; for example qyapi.weixin.qq.com,*.myqcloud.com",
      );
    }
    return { host, port: portNumber, wildcard };
  });
}

/** Whether the rules let this URL be called at all; null when none does. Its address is judged by `mayConnect`. */
export function admit(rules: readonly MediaHostRule[], url: URL): Admission | null {
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  // A name and password in front of the host are how one host is made to look like another.
  if (url.username !== "" || url.password !== "") return null;
  const ownPort = url.protocol === "https:" ? 443 : 80;
  const port = url.port === "" ? ownPort : Number(url.port);
  const matching = rules.filter((rule) => (rule.port ?? ownPort) === port && hostMatches(rule, url.hostname));
  return matching.length === 0 ? null : { exact: matching.some((rule) => !rule.wildcard) };
}

function hostMatches({ host, wildcard }: MediaHostRule, hostname: string): boolean {
  if (!wildcard) return hostname === host;
  // `*.0.0.1` is no domain, and `1.0.0.1` below none.
  return hostname.endsWith(`.${host}`) && !isAddress(hostname);
}

function isAddress(hostname: string): boolean {
  return ipaddr.isValid(hostname.replace(/^\[|\]$/g, ""));
}

/** The networks that an exactly named host may lie in. Link-local is not among them: clouds keep their credentials there. */
const PRIVATE_RANGES: ReadonlySet<string> = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);
/** All global unicast addresses of IPv6 begin so; what only translates into IPv4 (`::7f00:1`) does not. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether a connection may be made to `address`, to which an admitted host resolved. A public address wants https; a private
 * or loopback one a host that is named exactly, and then plain http will do (a storage of one's own, the simulator). All
 * other addresses are refused: link-local with the clouds' metadata, multicast, reserved ones, and the ways in which IPv6
 * carries an IPv4 address (NAT64, 6to4, Teredo); one that is merely mapped is judged as the IPv4 address that it is.
 */
export function mayConnect(address: string, protocol: string, admission: Admission): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (PRIVATE_RANGES.has(range)) return admission.exact;
  const isPublic = range === "unicast" && (parsed.kind() === "ipv4" || parsed.match(GLOBAL_UNICAST));
  return isPublic && protocol === "https:";
}
