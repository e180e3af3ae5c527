import { TAKE } from "../../src/session/lease.ts";
import { KEEP } from "../../src/session/mailbox.ts";
import { FINISH, NOTE_REPLY, NOTE_SENT, OPEN } from "../../src/session/turn-desk.ts";
import type { WireMoment } from "../support/redis-proxy.ts";

/** A named step of a turn at which the process that does it dies. */
export interface Step {
  name: string;
  /** On the wire to Redis, at the model's side, or by the clock. */
  at: WireMoment | "model asked" | "model in the middle" | "any time";
}

export const STEPS: readonly Step[] = [
  { name: "kept, not acknowledged", at: { sha: KEEP.sha, when: "after" } },
  { name: "woken, lease just taken", at: { sha: TAKE.sha, when: "after" } },
  { name: "turn opened", at: { sha: OPEN.sha, when: "after" } },
  { name: "moderated, model asked", at: "model asked" },
  { name: "in the middle of the answer", at: "model in the middle" },
  { name: "answer complete, not noted", at: { sha: NOTE_REPLY.sha, when: "before" } },
  { name: "noted, nothing sent", at: { sha: NOTE_REPLY.sha, when: "after" } },
  { name: "part sent, not noted", at: { sha: NOTE_SENT.sha, when: "before" } },
  { name: "between two parts", at: { sha: NOTE_SENT.sha, when: "after" } },
  { name: "all sent, before finish", at: { sha: FINISH.sha, when: "before" } },
  { name: "finished, not seen", at: { sha: FINISH.sha, when: "after" } },
  { name: "any time", at: "any time" },
];
