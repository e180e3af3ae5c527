import { z } from "zod";
import { YingdaError } from "../base/errors.ts";
import { givenCard } from "../wecom/card-schema.ts";
import { STREAM_BYTES_MAX } from "../wecom/payloads.ts";
import type { ActiveAddress, ActiveContent } from "./active-messages.ts";

/** Faults of a request that are told at once. */
const FAULTS_TOLD_MAX = 10;
const CONVERSATION_UNITS_MAX = 512;

export type PushChannel = "app" | "socket";

export interface PushBody {
  to: ActiveAddress;
  /** As asked for; undefined leaves the choice to us. */
  channel: PushChannel | undefined;
  content: ActiveContent;
}

const text = z
  .string()
  .max(STREAM_BYTES_MAX)
  .refine((value) => Buffer.byteLength(value) <= STREAM_BYTES_MAX, `has more than ${STREAM_BYTES_MAX} bytes`)
  .refine((value) => value.trim() !== "", "is blank");
const address = {
  to: z.union([
    z.strictObject({ user: z.string().min(1).max(64) }),
    z.strictObject({ conversation: z.string().min(1).max(CONVERSATION_UNITS_MAX) }),
  ]),
  channel: z.enum(["app", "socket"]).exactOptional(),
};
const schema = z.discriminatedUnion("type", [
  z.strictObject({ ...address, type: z.enum(["text", "markdown"]), text }),
  z.strictObject({ ...address, type: z.literal("card"), card: givenCard }),
]);

/** @throws YingdaError `bad_request` naming fields, never values. */
export function readPushBody(body: unknown): PushBody {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new YingdaError("bad_request", `The body does not fit: ${faultsOf(parsed.error)}.`);
  const { to, channel, ...content } = parsed.data;
  return { to, channel, content };
}

function faultsOf(error: z.ZodError): string {
  const faults = error.issues.slice(0, FAULTS_TOLD_MAX).map((issue) => {
    const place = issue.path.filter((key) => typeof key !== "symbol").join(".");
    // Our own words for our own rules; the library's may repeat what was received.
    const what = issue.code === "custom" ? issue.message : issue.code;
    return `${place === "" ? "body" : place.slice(0, 80)}: ${what}`;
  });
  return faults.join("; ");
}
