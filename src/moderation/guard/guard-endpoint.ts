import { YingdaError } from "../../base/errors.ts";
import { networkCodeOf, retryAfterMsOf } from "../../base/http-faults.ts";
import type { Secret } from "../../base/secret.ts";
import type { GuardAttempt } from "./guard-desk.ts";
import { GuardFailure, type GuardFailureReason } from "./guard-failure.ts";

/** A complaint is read for the name of a field only; longer ones are some proxy's page. */
const COMPLAINT_BYTES_MAX = 64 * 1024;

export interface GuardEndpointOptions {
  name: string;
  /** Up to and including `/v1`, without a slash at the end. */
  baseUrl: string;
  apiKey: Secret | null;
  replyBytesMax: number;
}

/** The HTTP side of a guard: one JSON request, one bounded JSON reply, every fault by its name. */
export class GuardEndpoint {
  readonly #options: GuardEndpointOptions;
  /** Optional fields that this server turned out not to know. */
  readonly #unknownFields = new Set<string>();

  constructor(options: GuardEndpointOptions) {
    this.#options = options;
  }

  /**
   * Posts the body and returns the reply's JSON. Fields of `optionalFields` that the server complains about in a 400 are
   * left out, and from then on if that helps. Throws `GuardFailure`, and the signal's reason when aborted, which closes the
   * connection.
   */
  async post(
    path: string,
    body: Record<string, unknown>,
    optionalFields: readonly string[],
    attempt: GuardAttempt,
  ): Promise<unknown> {
    const leftOut = new Set(this.#unknownFields);
    for (;;) {
      const sent = Object.fromEntries(Object.entries(body).filter(([field]) => !leftOut.has(field)));
      const response = await this.#send(path, sent, attempt);
      if (response.ok) {
        // Only now: a complaint may quote the text, and a text may name a field.
        for (const field of leftOut) this.#unknownFields.add(field);
        return this.#json(response, attempt.signal);
      }
      const complaint = await this.#text(response, COMPLAINT_BYTES_MAX, attempt.signal);
      const refused = response.status === 400 || response.status === 422;
      const named = optionalFields.filter((field) => field in sent && complaint.includes(field));
      // Each round leaves out at least one field more, so this ends.
      if (!refused || named.length === 0) throw this.#failureOfStatus(response);
      for (const field of named) leftOut.add(field);
    }
  }

  async #send(path: string, body: Record<string, unknown>, { requestId, signal }: GuardAttempt): Promise<Response> {
    const { baseUrl, apiKey } = this.#options;
    const key = apiKey === null ? {} : { authorization: `Bearer ${apiKey.reveal()}` };
    try {
      return await fetch(`${baseUrl}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json", "x-request-id": requestId, ...key },
        body: JSON.stringify(body),
        // The key and the text must not go wherever a reply points to.
        redirect: "manual",
        signal,
      });
    } catch (error) {
      throw this.#failureOfNetwork(error, signal);
    }
  }

  async #json(response: Response, signal: AbortSignal): Promise<unknown> {
    const text = await this.#text(response, this.#options.replyBytesMax, signal);
    try {
      return JSON.parse(text);
    } catch {
      throw this.#failure("not_json", { status: response.status });
    }
  }

  /** Leaving the loop early closes the connection: no server can make us read on. */
  async #text(response: Response, bytesMax: number, signal: AbortSignal): Promise<string> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response.body ?? []) {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) break;
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#failureOfNetwork(error, signal);
    }
    if (bytes > bytesMax && response.ok) throw this.#failure("too_long", { status: response.status });
    return Buffer.concat(chunks).toString("utf8");
  }

  #failureOfNetwork(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const hint = networkCodeOf(error);
    return this.#failure("connection", hint === undefined ? {} : { hint });
  }

  #failureOfStatus({ status, headers }: Response): GuardFailure {
    const retryAfterMs = retryAfterMsOf(headers);
    return this.#failure(reasonOf(status), { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  #failure(reason: GuardFailureReason, facts: { status?: number; hint?: string; retryAfterMs?: number }): GuardFailure {
    return new GuardFailure(reason, { endpoint: this.#options.name, ...facts });
  }
}

function reasonOf(status: number): GuardFailureReason {
  if (status >= 300 && status < 400) return "redirected";
  switch (status) {
    case 401:
    case 403:
      return "credentials";
    case 404:
    case 405:
    case 501:
      return "unknown_model";
    case 408:
    case 504:
      return "gateway_timeout";
    // vLLM and SGLang refuse with 503 when their queue is full, some gateways with 529.
    case 429:
    case 503:
    case 529:
      return "overloaded";
    default:
      return status >= 500 ? "server_error" : "bad_request";
  }
}

/** Throws `bad_config` when it is not a plain http(s) address. Returns it without a slash at the end. */
export function plainUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl.trim());
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new YingdaError(
      "bad_config",
      "GUARD_BASE_URL must be a plain http(s) address without user, password or query; for example http://guard-1:8000/v1",
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** `host:port`, and the path where it says more than `/v1`. */
export function endpointNameOf(baseUrl: string): string {
  const { host, pathname } = new URL(baseUrl);
  return `${host}${pathname.replace(/\/(v1\/?)?$/, "")}`;
}
