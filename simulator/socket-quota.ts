import { Refusal } from "./errcodes.ts";
import { MemberWindows } from "./send-window.ts";

export interface SocketQuotaParts {
  perMinute: number;
  perHour: number;
  nowMs: () => number;
}

/**
 * Replies and pushes to one conversation, together (wecom-protocol 5.4). A refused frame does not count. Whether the platform's
 * window slides is not said; this one does.
 */
export class SocketQuota {
  readonly #windows: MemberWindows;
  readonly #nowMs: () => number;

  constructor({ perMinute, perHour, nowMs }: SocketQuotaParts) {
    this.#windows = new MemberWindows(perMinute, perHour);
    this.#nowMs = nowMs;
  }

  /** Counts one frame. Throws Refusal 846607 past the limit. */
  take(conversation: string): void {
    if (this.#windows.take(conversation, this.#nowMs()) !== "ok") throw new Refusal(846607);
  }
}
