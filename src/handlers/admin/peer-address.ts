import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/**
 * Whose attempts are counted together: the address of the other end of the connection. Headers that a proxy adds are not
 * believed, since anybody can write them; behind a proxy all share one count, which only failures use up.
 */
export function peerOf(request: IncomingMessage): string {
  const address = (request.socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
  return isIPv6(address) ? networkOf(address) : address;
}

/** The first 64 bits: one line of a provider, within which its customer takes any address. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...Array<string>(gap).fill("0"), ...back].slice(0, 4).join(":");
}
