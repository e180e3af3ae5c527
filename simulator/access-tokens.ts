import { randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-log.ts";
import { Refusal } from "./errcodes.ts";

interface IssuedToken {
  value: string;
  serial: number;
  expiresAtMs: number;
  revoked: boolean;
}

/** Tokens kept, so that an old one is known as expired (42001) and not as invalid (40014). */
const TOKENS_MAX = 1_000;

/** Access tokens of the one app (wecom-protocol 3.1). */
export class AccessTokens {
  readonly #lifeSeconds: number;
  readonly #sameWithinValidity: boolean;
  readonly #issued = new BoundedMap<string, IssuedToken>(TOKENS_MAX);
  #newest: IssuedToken | undefined;
  #serial = 0;
  #revocations = 0;

  constructor(lifeSeconds: number, sameWithinValidity: boolean) {
    this.#lifeSeconds = lifeSeconds;
    this.#sameWithinValidity = sameWithinValidity;
  }

  /** The newest token while it lives, or a fresh one. */
  issue(nowMs: number): { accessToken: string; expiresInSeconds: number; serial: number } {
    const newest = this.#newest;
    if (this.#sameWithinValidity && newest !== undefined && !newest.revoked && newest.expiresAtMs > nowMs) {
      const expiresInSeconds = Math.ceil((newest.expiresAtMs - nowMs) / 1000);
      return { accessToken: newest.value, expiresInSeconds, serial: newest.serial };
    }
    const token: IssuedToken = {
      // About the length of a real one: storage that reserves too little shows here.
      value: randomBytes(160).toString("base64url"),
      serial: ++this.#serial,
      expiresAtMs: nowMs + this.#lifeSeconds * 1000,
      revoked: false,
    };
    this.#issued.set(token.value, token);
    this.#newest = token;
    return { accessToken: token.value, expiresInSeconds: this.#lifeSeconds, serial: token.serial };
  }

  /** The token's serial number. Refuses with 41001, 40014 (unknown or revoked) or 42001 (expired). */
  check(value: string | null, nowMs: number): number {
    if (value === null || value === "") throw new Refusal(41001);
    const token = this.#issued.get(value);
    if (token === undefined || token.revoked) throw new Refusal(40014);
    if (token.expiresAtMs <= nowMs) throw new Refusal(42001);
    return token.serial;
  }

  /** The platform may end every token before its time, and tells nobody. */
  revokeAll(): void {
    for (const token of this.#issued.values()) token.revoked = true;
    this.#revocations += 1;
  }

  get revocations(): number {
    return this.#revocations;
  }
}
