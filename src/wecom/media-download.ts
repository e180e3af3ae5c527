import { promises as dns, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { abortAfter, type Clock, systemClock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import { networkCodeOf } from "../base/http-faults.ts";
import { Turnstile } from "../base/turnstile.ts";
import { fileNameOf } from "./file-name.ts";
import type { MediaFile } from "./http-exchange.ts";
import { mediaGone, mediaRefused, mediaTooLarge, mediaUnreachable } from "./media-errors.ts";
import { admit, type MediaHostRule, mayConnect, readMediaHosts } from "./media-hosts.ts";

/** All addresses of a host name, as `dns.promises.lookup` with `all` gives them. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface DownloadLimits {
  /** All of it, redirects included: a body that trickles must not hold its turn until the turn's own end. */
  wholeMs: number;
  /** Without a byte: a server that has gone away is given up long before that. */
  idleMs: number;
  /** Downloads under way in this process: each may hold a whole file in memory. */
  atOnceMax: number;
  /** Downloads that wait for their turn: an address lives for five minutes, and a crowd's end would find it dead. */
  waitingMax: number;
}

const LIMITS: DownloadLimits = { wholeMs: 60_000, idleMs: 10_000, atOnceMax: 8, waitingMax: 64 };
/** WeCom's addresses point to the file; what leads around in circles is not one of them. */
const REDIRECTS_MAX = 3;
/** A name has a handful of addresses; a longer list is an attack on whoever goes through it. */
const ADDRESSES_MAX = 32;

/**
 * Fetches the encrypted files that messages link to (wecom-protocol 4.5, 5.6), from hosts of WECOM_MEDIA_HOSTS alone. A name is
 * resolved once, every address is judged, and the connection goes to a judged address and no other, so a second answer of
 * the DNS changes nothing; TLS still verifies the name. Each redirect (three at most) is judged anew. Bodies are counted as
 * they come and never decompressed.
 */
export class MediaDownload {
  readonly #rules: MediaHostRule[];
  readonly #clock: Clock;
  readonly #lookup: Lookup;
  readonly #limits: DownloadLimits;
  readonly #turnstile: Turnstile;

  /** `hosts`: entries of WECOM_MEDIA_HOSTS. @throws YingdaError `bad_config` as `readMediaHosts`. */
  constructor(options: {
    hosts: readonly string[];
    clock?: Clock;
    lookup?: Lookup;
    limits?: Partial<DownloadLimits>;
  }) {
    this.#rules = readMediaHosts(options.hosts);
    this.#clock = options.clock ?? systemClock;
    this.#lookup = options.lookup ?? ((hostname) => dns.lookup(hostname, { all: true }));
    this.#limits = { ...LIMITS, ...options.limits };
    this.#turnstile = new Turnstile({
      insideMax: this.#limits.atOnceMax,
      waitingMax: this.#limits.waitingMax,
      full: () => new YingdaError("media_busy", "too many files are being fetched at once", { retryable: true }),
    });
  }

  /**
   * Fetches one file of at most `bytesMax` bytes, as it lies there: encrypted. Errors never hold the URL, which is a secret.
   * @throws YingdaError `media_refused` (host, address, redirect or encoding that is not allowed), `media_gone` (the address no
   *   longer works), `media_too_large`, `media_unreachable` and `media_busy` (both retryable); the signal's reason.
   */
  async download(media: { url: string; bytesMax: number; signal: AbortSignal }): Promise<MediaFile> {
    return this.#turnstile.pass(() => this.#inTime(media), media.signal);
  }

  async #inTime({ url, bytesMax, signal }: { url: string; bytesMax: number; signal: AbortSignal }): Promise<MediaFile> {
    const late = abortAfter(this.#limits.wholeMs, this.#clock, () => mediaUnreachable("late"));
    const stop = AbortSignal.any([signal, late.signal]);
    try {
      return await this.#follow(URL.parse(url), bytesMax, stop);
    } catch (error) {
      // Who asked to stop is told their own reason, whatever the broken connection said.
      stop.throwIfAborted();
      throw error instanceof YingdaError ? error : mediaUnreachable(networkCodeOf(error) ?? "network");
    } finally {
      late.cancel();
    }
  }

  async #follow(start: URL | null, bytesMax: number, signal: AbortSignal): Promise<MediaFile> {
    let url = start;
    for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
      if (url === null) throw mediaRefused("host");
      const response = await this.#get(url, signal);
      try {
        if (!isRedirect(response)) return await readFile(response, bytesMax);
        url = URL.parse(response.headers.location ?? "", url.href);
      } finally {
        response.destroy();
      }
    }
    throw mediaRefused("redirects");
  }

  /** The response to one request, its body still to be read; silence breaks it off. */
  async #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const addresses = await this.#judgedAddresses(url, signal);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(url, {
      // A connection of its own: a kept one would have been made to an address that was judged for another request.
      agent: false,
      headers: { accept: "*/*", "accept-encoding": "identity" },
      lookup: answering(addresses),
      timeout: this.#limits.idleMs,
      signal,
    });
    let response: IncomingMessage | undefined;
    request.on("timeout", () => {
      const silent = mediaUnreachable("silent");
      response?.destroy(silent);
      request.destroy(silent);
    });
    request.on("response", (incoming) => {
      response = incoming;
      // Whoever reads it hears of a broken body; what breaks when nobody reads must not end the process.
      incoming.on("error", () => undefined);
      resolve(incoming);
    });
    request.on("error", reject);
    request.end();
    return promise;
  }

  /** @throws `media_refused` unless the URL is admitted and every one of its addresses may be connected to. */
  async #judgedAddresses(url: URL, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const admission = admit(this.#rules, url);
    if (admission === null) throw mediaRefused("host");
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const family = isIP(hostname);
    // A socket does not look up an address that stands for itself, and so neither do we.
    const addresses = family > 0 ? [{ address: hostname, family }] : await orAborted(this.#lookup(hostname), signal);
    if (addresses.length === 0) throw mediaUnreachable("ENOTFOUND");
    const allowed =
      addresses.length <= ADDRESSES_MAX &&
      addresses.every(({ address }) => mayConnect(address, url.protocol, admission));
    if (!allowed) throw mediaRefused("address");
    return addresses;
  }
}

/** A `lookup` for the socket that knows only what was judged. */
function answering(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
  };
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode);
}

async function readFile(response: IncomingMessage, bytesMax: number): Promise<MediaFile> {
  checkStatus(response.statusCode ?? 0);
  const { "content-encoding": encoding = "identity", "content-length": declared = "0" } = response.headers;
  // Asked for as it lies there; what is compressed all the same could unpack to anything.
  if (encoding.toLowerCase() !== "identity") throw mediaRefused("encoding");
  if (Number(declared) > bytesMax) throw mediaTooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw mediaTooLarge(bytesMax);
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks, bytes), fileName: fileNameOf(response.headers["content-disposition"]) };
}

/** Expired addresses answer 403 or 404, as object stores do. */
function checkStatus(status: number): void {
  if (status === 200) return;
  if (status >= 500 || status === 408 || status === 429) throw mediaUnreachable("status", { status });
  throw mediaGone({ status });
}

/** The resolver cannot be stopped, but need not be waited for. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
