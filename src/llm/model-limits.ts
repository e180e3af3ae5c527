/** How long a model may be waited for and how much it may say. Every number names the failure that it prevents. */
export interface ModelLimits {
  /**
   * From the request to the first token, connecting and queueing included. Without it a server whose queue is stuck
   * holds the turn until the turn's own deadline. Longer than a long prompt's prefill on a busy GPU.
   */
  firstTokenMs: number;
  /**
   * Between two tokens, reasoning included. Without it a stalled stream is never noticed (the client's own time-out
   * ends at the headers). A preempted sequence is computed again and is silent for seconds: do not go below 30 s in
   * production.
   */
  betweenTokensMs: number;
  /**
   * From the first token of reasoning to the first of the answer: a model that reasons in circles is alive for ever.
   */
  reasoningMs: number;
  /**
   * After the last token, for the usage figures and the stream's end. The answer is whole by then; only its figures may
   * be missing.
   */
  afterFinishMs: number;
  /**
   * UTF-8 bytes of one answer: keeps a server that ignores `max_tokens` from filling memory. A picture in it, as a data
   * URL, counts; for the text alone the turn has a limit of its own.
   */
  answerBytesMax: number;
  /** Bytes of one response, reasoning and framing included: keeps a line without end from filling memory. */
  streamBytesMax: number;
  /**
   * After this long, over all endpoints, no further try is started: the person has waited enough and should be told.
   */
  allTriesMs: number;
  /** The longest `retry-after` that is waited for; a longer one is handed to the caller, who can tell the person. */
  retryAfterMaxMs: number;
  /**
   * Failures in a row after which an endpoint is left alone: keeps a dead server from costing every turn
   * `firstTokenMs`.
   */
  failuresToOpen: number;
  /** How long it is left alone before one request may try it again. */
  openMs: number;
  /**
   * Requests of this process at one endpoint: to begin with, and the bounds within which the limit adapts. Without it a
   * server's own queue, endless and unfair, takes everything. The floor keeps an endpoint from being starved of the
   * requests that would show it well again.
   */
  runningStart: number;
  runningMin: number;
  runningMax: number;
  /** First tokens faster than this are never a sign that requests queue on the server. */
  queuedFirstTokenMs: number;
  /** An endpoint is not called slow while its first tokens are faster than this. */
  slowFirstTokenMs: number;
  /** How long a slow endpoint is avoided the first time. */
  slowAvoidedMs: number;
  /** How often a server is asked for its load, at most. */
  loadEveryMs: number;
  /** Requests that wait for a place, in this process: memory, and a wait that nobody would sit through. */
  queueMax: number;
  /** Longest wait for a place: the person is told "busy" while there is still time to do something else. */
  queueMs: number;
  /** A wait shorter than this is not told. */
  tellWaitAfterMs: number;
  /** How often a position that changed is told. */
  tellWaitEveryMs: number;
  /** A wait this long goes on at the fallback model as well, where there is one. */
  fallbackAfterMs: number;
  /** What a background probe of an endpoint that is left alone may take. */
  probeMs: number;
}

export const MODEL_LIMITS: ModelLimits = {
  firstTokenMs: 60_000,
  betweenTokensMs: 45_000,
  reasoningMs: 120_000,
  afterFinishMs: 2_000,
  answerBytesMax: 4 * 1024 * 1024,
  streamBytesMax: 32 * 1024 * 1024,
  allTriesMs: 150_000,
  retryAfterMaxMs: 10_000,
  failuresToOpen: 3,
  openMs: 10_000,
  runningStart: 16,
  runningMin: 1,
  runningMax: 1_024,
  queuedFirstTokenMs: 2_000,
  slowFirstTokenMs: 1_000,
  slowAvoidedMs: 30_000,
  loadEveryMs: 2_000,
  queueMax: 300,
  queueMs: 90_000,
  tellWaitAfterMs: 3_000,
  tellWaitEveryMs: 2_000,
  fallbackAfterMs: 3_000,
  probeMs: 10_000,
};
