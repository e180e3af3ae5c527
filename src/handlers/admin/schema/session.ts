import { z } from "zod";
import { role, word } from "./parts.ts";

/** Signing in, and who is signed in. */

export const sessionAnswer = z.object({
  user: z.object({ userId: z.string(), name: z.string(), role }),
  /** To be sent back as the header `x-csrf-token` with everything but GET. */
  csrf: z.string(),
  expiresAtMs: z.int(),
});
/** Which doors are open; asked before signing in. */
export const loginOptions = z.object({ wecom: z.boolean(), bootstrap: z.boolean() });
export const bootstrapRequest = z.object({ token: word(200) });

export type Session = z.output<typeof sessionAnswer>;
