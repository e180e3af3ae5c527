import type { IncomingMessage } from "node:http";

/** Cookies of a browser's whole host come along; what is longer is not ours. */
const HEADER_UNITS_MAX = 16 * 1024;

export type CookieUse = "session" | "login";

/**
 * How cookies are set towards this caller.
 * `secure`: the browser speaks TLS with whoever stands in front of us; the `__Host-` prefix makes it refuse cookies that
 * another host or an unencrypted page planted. `loopback`: the demo, on the machine itself, where there is no TLS.
 * `none`: over a network in clear text nobody signs in.
 */
export type CookieManner = "secure" | "loopback" | "none";

const NAMES: Readonly<Record<Exclude<CookieManner, "none">, Readonly<Record<CookieUse, string>>>> = {
  secure: { session: "__Host-yingda", login: "__Host-yingda-login" },
  loopback: { session: "yingda-session", login: "yingda-login" },
};

const LOOPBACK_PEER = /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$|^::1$/;
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** `publicUrl` decides; without TLS there, only a browser on this machine, which named this machine, may have a cookie. */
export function cookieManner(request: IncomingMessage, publicUrl: string | null): CookieManner {
  if (publicUrl !== null && new URL(publicUrl).protocol === "https:") return "secure";
  const peer = request.socket.remoteAddress ?? "";
  const here = LOOPBACK_PEER.test(peer) && LOOPBACK_HOST.test(request.headers.host ?? "");
  return here ? "loopback" : "none";
}

/** The value of our cookie; null when there is none, or more than one: then somebody planted the other. */
export function readCookie(request: IncomingMessage, manner: CookieManner, use: CookieUse): string | null {
  const header = request.headers.cookie ?? "";
  if (manner === "none" || header.length > HEADER_UNITS_MAX) return null;
  const start = `${NAMES[manner][use]}=`;
  const values = header.split(";").flatMap((part) => {
    const cookie = part.trim();
    return cookie.startsWith(start) ? [cookie.slice(start.length)] : [];
  });
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** A `set-cookie` header. `value` is made of letters, digits, `-` and `_`; null takes the cookie away. */
export function cookieHeader(
  manner: Exclude<CookieManner, "none">,
  use: CookieUse,
  value: string | null,
  lifeMs: number,
): string {
  // Lax: after the login at WeCom the browser comes back from another site, and Strict would leave the cookie out.
  const age = value === null ? 0 : Math.floor(lifeMs / 1000);
  const attributes = ["Path=/", `Max-Age=${age}`, "HttpOnly", "SameSite=Lax"];
  if (manner === "secure") attributes.push("Secure");
  return `${NAMES[manner][use]}=${value ?? ""}; ${attributes.join("; ")}`;
}
