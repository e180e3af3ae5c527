import type { Context } from "koa";
import type { z } from "zod";
import type { Caller } from "./access.ts";
import { badRequest } from "./admin-errors.ts";
import type { AdminContext } from "./admin-parts.ts";
import type { Role } from "./api-schema.ts";

/** Bodies of the console are forms; a policy with its word lists is the only long one. */
export const BODY_BYTES_MAX = 64 * 1024;
export const POLICY_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Faults of a request that are told at once. */
const FAULTS_TOLD_MAX = 10;

/** What a handler gets. */
export interface Call<P, Q, B> {
  /** Only for answers that are no JSON: redirects, streams, downloads, cookies. */
  ctx: Context;
  admin: AdminContext;
  params: P;
  query: Q;
  body: B;
  /** Aborted when the caller has gone. */
  signal: AbortSignal;
}

/** One line of the table that router, authorisation, OpenAPI file and tests are made from. */
export interface Route {
  method: "GET" | "POST" | "PUT";
  /** Below `/admin/api`. */
  path: string;
  /** The least role. `nobody`: before signing in. */
  role: Role | "nobody";
  summary: string;
  params: z.ZodType | null;
  query: z.ZodType | null;
  body: z.ZodType | null;
  bodyBytesMax: number;
  /** Null: no JSON comes back; `gives` says what does. */
  answer: z.ZodType | null;
  gives: string;
  /** The JSON to answer with, as its schema lets it out; undefined when there is none. */
  handle(call: Call<unknown, unknown, unknown>, caller: Caller | null): Promise<unknown>;
}

type Out<S> = S extends z.ZodType ? z.output<S> : undefined;
type Answer<S> = S extends z.ZodType ? z.input<S> : unknown;

interface Definition<P, Q, B, A> {
  method: Route["method"];
  path: string;
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  bodyBytesMax?: number;
  answer?: A;
  gives?: string;
}

/** A route for people who are signed in with at least this role. */
export function route<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
  A extends z.ZodType | undefined = undefined,
>(
  definition: Definition<P, Q, B, A> & {
    role: Role;
    handle(call: Call<Out<P>, Out<Q>, Out<B>> & { caller: Caller }): Promise<Answer<A>>;
  },
): Route {
  const { role, handle } = definition;
  return {
    ...described(definition),
    role,
    async handle(call, caller) {
      if (caller === null) throw new Error("A route with a role was called without a caller.");
      return shown(definition, await handle({ ...checked(definition, call), caller }));
    },
  };
}

/** A route for anybody who reaches the port. There are few, and each says why. */
export function openRoute<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
  A extends z.ZodType | undefined = undefined,
>(definition: Definition<P, Q, B, A> & { handle(call: Call<Out<P>, Out<Q>, Out<B>>): Promise<Answer<A>> }): Route {
  return {
    ...described(definition),
    role: "nobody",
    handle: async (call) => shown(definition, await definition.handle(checked(definition, call))),
  };
}

type Schemas = Definition<z.ZodType | undefined, z.ZodType | undefined, z.ZodType | undefined, z.ZodType | undefined>;

function described(definition: Schemas) {
  const { method, path, summary, params = null, query = null, body = null, answer = null } = definition;
  const { bodyBytesMax = BODY_BYTES_MAX, gives = answer === null ? "nothing" : "JSON" } = definition;
  return { method, path, summary, params, query, body, answer, bodyBytesMax, gives };
}

function checked<P, Q, B>(
  { params, query, body }: Schemas,
  call: Call<unknown, unknown, unknown>,
): Call<Out<P>, Out<Q>, Out<B>> {
  return {
    ...call,
    params: parsed(params, call.params, "path") as Out<P>,
    query: parsed(query, call.query, "query") as Out<Q>,
    body: parsed(body, call.body, "body") as Out<B>,
  };
}

function parsed(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.slice(0, FAULTS_TOLD_MAX).map((issue) => {
    const place = issue.path.filter((key) => typeof key !== "symbol").join(".");
    // Names of unknown keys, and what was received, come from the caller: neither is repeated.
    return `${place === "" ? where : `${where}.${place.slice(0, 80)}`}: ${issue.code}`;
  });
  throw badRequest(`The request does not fit: ${faults.join("; ")}.`);
}

/** Only what the schema names goes out: a column that somebody adds to a row later does not leak by itself. */
function shown({ answer }: Schemas, value: unknown): unknown {
  return answer === undefined ? undefined : answer.parse(value);
}
