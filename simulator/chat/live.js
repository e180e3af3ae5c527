import { ApiError, fetchFlags, fetchPackets, fetchState } from "./api.js";
import { PACKETS_MAX } from "./message-list.js";

/**
 * Keeps the state in step with the simulator over server-sent events. After a lost connection everything is fetched
 * again, since the events of the meantime are gone.
 * @import { ChatState } from "./state.js"
 */

const RETRY_FIRST_MS = 500;
/** Longer would leave somebody who has just restarted the demo waiting for no reason. */
const RETRY_MAX_MS = 5_000;
/** A burst of flags needs one look at the list. */
const FLAGS_DELAY_MS = 300;

export class Live {
  /** @type {ChatState} */ #state;
  /** @type {EventSource | null} */ #source = null;
  /** Events that came while the whole state was being fetched, for its time limit at most; they are newer than it. @type {(() => void)[] | null} */
  #waiting = null;
  #retryMs = RETRY_FIRST_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #flagsTimer;

  /** @param {ChatState} state */
  constructor(state) {
    this.#state = state;
    addEventListener("online", () => this.#state.connection === "lost" && this.connect());
  }

  /** Connects, or gives a lost connection another try now. */
  connect() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    const source = new EventSource("/api/events");
    this.#source = source;
    this.#waiting = [];
    source.addEventListener("open", () => void this.#loadAll(source));
    source.addEventListener("error", () => this.#lost(source));
    this.#listen(source, "message", ({ message }) => this.#state.applyMessage(message));
    this.#listen(source, "packet", (packet) => this.#state.addPackets([packet]));
    this.#listen(source, "faults", (faults) => {
      this.#state.faults = faults;
      this.#state.changed("faults");
    });
    this.#listen(source, "flags", ({ count }) => {
      this.#state.flagsCount = count;
      this.#state.changed("flags");
      clearTimeout(this.#flagsTimer);
      this.#flagsTimer = setTimeout(() => void this.loadFlags(), FLAGS_DELAY_MS);
    });
  }

  /** Fetches what reviewers would see. */
  async loadFlags() {
    try {
      const { flags } = await fetchFlags();
      this.#state.flags = flags;
      this.#state.flagsCount = flags.length;
      this.#state.flagsPhase = "ready";
    } catch (error) {
      this.#state.flagsPhase = error instanceof ApiError && error.status === 404 ? "missing" : "failed";
    }
    this.#state.changed("flags");
  }

  /**
   * @param {EventSource} source
   * @param {string} name
   * @param {(data: any) => void} apply
   */
  #listen(source, name, apply) {
    source.addEventListener(name, (event) => {
      if (source !== this.#source || !(event instanceof MessageEvent)) return;
      const data = JSON.parse(event.data);
      if (this.#waiting === null) apply(data);
      else this.#waiting.push(() => apply(data));
    });
  }

  /** @param {EventSource} source */
  async #loadAll(source) {
    try {
      const [server, { packets }] = await Promise.all([fetchState(), fetchPackets(PACKETS_MAX)]);
      if (source !== this.#source) return;
      this.#state.load(server);
      this.#state.loadPackets(packets);
      for (const apply of this.#waiting ?? []) apply();
      this.#waiting = null;
      this.#retryMs = RETRY_FIRST_MS;
      this.#state.connection = "live";
      this.#state.changed("connection");
      await this.loadFlags();
    } catch {
      this.#state.loadFailed();
      this.#lost(source);
    }
  }

  /** @param {EventSource} source */
  #lost(source) {
    if (source !== this.#source) return;
    // the browser's own retries stop for good at some answers; ours do not
    source.close();
    this.#source = null;
    this.#waiting = null;
    this.#state.loadFailed();
    this.#state.connection = "lost";
    this.#state.changed("connection");
    this.#retryTimer = setTimeout(() => this.connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }
}
