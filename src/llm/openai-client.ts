import OpenAI from "openai";
import type { Secret } from "../base/secret.ts";
import { boundedFetch } from "./bounded-fetch.ts";

/** Our own timers decide; the client's must never be first. */
const CLIENT_TIMEOUT_SURPLUS_MS = 10_000;

/** The `openai` client for one server, with what it would do by itself taken out: environment, logs, retries, its own time. */
export function openAiClient(options: {
  /** Up to and including `/v1`. */
  baseUrl: string;
  apiKey: Secret | null;
  /** Ours, for the first sign of an answer. */
  timeoutMs: number;
  /** Of one response. */
  bytesMax: number;
  /** What errors call it. */
  name: string;
}): OpenAI {
  const { baseUrl, apiKey, timeoutMs, bytesMax, name } = options;
  return new OpenAI({
    baseURL: baseUrl,
    // The client insists on a key; without one of ours its header is taken out below.
    apiKey: apiKey?.reveal() ?? "none",
    // The client would read these from the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    // Whoever calls decides about further tries.
    maxRetries: 0,
    timeout: timeoutMs + CLIENT_TIMEOUT_SURPLUS_MS,
    fetch: boundedFetch(bytesMax, name),
    defaultHeaders: apiKey === null ? { authorization: null } : {},
  });
}
