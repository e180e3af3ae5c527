import { z } from "zod";
import { PolicyConflict } from "../../review/policy-versions.ts";
import { AdminError } from "./admin-errors.ts";
import type { AdminContext } from "./admin-parts.ts";
import {
  dryRunAnswer,
  dryRunRequest,
  policyAnswer,
  policyCheckAnswer,
  policyCheckRequest,
  policySaveRequest,
  policyTryAnswer,
  policyTryRequest,
  policyVersionAnswer,
  reasonRequest,
} from "./api-schema.ts";
import { POLICY_BODY_BYTES_MAX, type Route, route } from "./route.ts";

const versionParams = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

export const POLICY_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/policy",
    role: "viewer",
    summary: "The policy in force, and those before it",
    answer: policyAnswer,
    handle: ({ admin }) => policyOf(admin),
  }),
  route({
    method: "POST",
    path: "/policy/check",
    role: "reviewer",
    summary: "The faults of a draft",
    body: policyCheckRequest,
    bodyBytesMax: POLICY_BODY_BYTES_MAX,
    answer: policyCheckAnswer,
    async handle({ admin, body }) {
      const checked = await admin.policy.check(body.text);
      return checked.ok
        ? { ok: true, version: checked.version, faults: [] }
        : { ok: false, version: null, faults: checked.faults };
    },
  }),
  route({
    method: "POST",
    path: "/policy/try",
    role: "reviewer",
    summary: "What a draft, or the policy in force, says of one message",
    body: policyTryRequest,
    bodyBytesMax: POLICY_BODY_BYTES_MAX,
    answer: policyTryAnswer,
    async handle({ admin, body, signal }) {
      const { text = null, message, direction } = body;
      const tried = await admin.policy.tryOut({ policy: text, message, direction, signal });
      const signals = tried.signals.map(({ checker, category, confidence, rule, spans }) => {
        return { checker, category: category ?? "none", confidence, rule, spans };
      });
      return { ...tried, signals };
    },
  }),
  route({
    method: "POST",
    path: "/policy/dry-run",
    role: "admin",
    summary: "What a draft would have done to the turns of the last days",
    body: dryRunRequest,
    bodyBytesMax: POLICY_BODY_BYTES_MAX,
    answer: dryRunAnswer,
    handle: ({ admin, body, signal }) => admin.policy.dryRun({ policy: body.text, days: body.days, signal }),
  }),
  route({
    method: "PUT",
    path: "/policy",
    role: "admin",
    summary: "Put a draft in force; 409 when it did not begin from the policy in force",
    body: policySaveRequest,
    bodyBytesMax: POLICY_BODY_BYTES_MAX,
    answer: policyAnswer,
    async handle({ admin, caller, body }) {
      try {
        await admin.policy.save({ ...body, by: caller.userId });
      } catch (error) {
        if (error instanceof PolicyConflict) throw new AdminError("policy_conflict", error.message);
        throw error;
      }
      return policyOf(admin);
    },
  }),
  route({
    method: "GET",
    path: "/policy/versions/:id",
    role: "viewer",
    summary: "The text of one version",
    params: versionParams,
    answer: policyVersionAnswer,
    handle: ({ admin, params }) => admin.policy.get(params.id),
  }),
  route({
    method: "POST",
    path: "/policy/versions/:id/activate",
    role: "admin",
    summary: "Put an older version in force again",
    params: versionParams,
    body: reasonRequest,
    answer: policyAnswer,
    async handle({ admin, caller, params, body }) {
      await admin.policy.activate({ ...params, ...body, by: caller.userId });
      return policyOf(admin);
    },
  }),
];

async function policyOf({ policy }: AdminContext): Promise<z.input<typeof policyAnswer>> {
  const [inForce, versions] = await Promise.all([policy.inForce(), policy.versions()]);
  return { ...inForce, versions };
}
