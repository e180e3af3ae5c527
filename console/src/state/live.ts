import { signal } from "@preact/signals";
import type { LiveEvent } from "../logic/api-types.ts";
import { reconnectAfterMs } from "../logic/backoff.ts";

/** The live line to the service: reconnects by itself, and says when it is down. */

export type LineState = "connecting" | "live" | "waiting";

export const line = signal<LineState>("connecting");
export const retryAtMs = signal(0);

export interface Listener {
  event: (event: LiveEvent) => void;
  /** After a gap: what came meanwhile has to be asked for. */
  caughtUp: () => void;
}

let source: EventSource | null = null;
let attempt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let listener: Listener | null = null;

export function startLine(to: Listener): () => void {
  listener = to;
  attempt = 0;
  connect();
  addEventListener("online", reconnectNow);
  return () => {
    removeEventListener("online", reconnectNow);
    listener = null;
    close();
  };
}

export function reconnectNow(): void {
  if (line.value === "live" || listener === null) return;
  connect();
}

function connect(): void {
  close();
  if (attempt === 0) line.value = "connecting";
  const opened = new EventSource("/admin/api/events");
  source = opened;
  opened.onopen = () => {
    const hadGap = attempt > 0;
    attempt = 0;
    line.value = "live";
    if (hadGap) listener?.caughtUp();
  };
  opened.onmessage = ({ data }: MessageEvent<string>) => {
    const event = parse(data);
    if (event !== null) listener?.event(event);
  };
  opened.onerror = () => {
    // The browser would try again on its own, but neither slower each time nor visibly.
    close();
    const waitMs = reconnectAfterMs(attempt, Math.random());
    attempt += 1;
    line.value = "waiting";
    retryAtMs.value = Date.now() + waitMs;
    timer = setTimeout(connect, waitMs);
  };
}

function close(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function parse(data: string): LiveEvent | null {
  try {
    return JSON.parse(data) as LiveEvent;
  } catch {
    return null; // from a newer service, perhaps: one message less is no harm
  }
}
