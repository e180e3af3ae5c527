import type { ServerResponse } from "node:http";
import { YingdaError } from "../src/base/errors.ts";

/** Open pages at a time; a page that reconnects in a loop without closing is refused. */
const CLIENTS_MAX = 16;
/** A page that does not read is cut off before its unread events fill our memory; it connects again and loads anew. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

/** Server-sent events to every open page. */
export class EventStream {
  readonly #clients = new Set<ServerResponse>();
  readonly #heartbeat: ReturnType<typeof setInterval>;

  constructor() {
    this.#heartbeat = setInterval(() => this.#write(": here\n\n"), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Keeps `res` open for events. Throws `bad_request` when too many pages are open. */
  open(res: ServerResponse): void {
    if (this.#clients.size >= CLIENTS_MAX) throw new YingdaError("bad_request", `At most ${CLIENTS_MAX} open pages.`);
    res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    res.write(": here\n\n");
    this.#clients.add(res);
    res.once("close", () => this.#clients.delete(res));
  }

  send(name: string, data: unknown): void {
    if (this.#clients.size > 0) this.#write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients) client.destroy();
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > UNREAD_BYTES_MAX) client.destroy();
      else client.write(text);
    }
  }
}
