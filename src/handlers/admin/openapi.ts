import { z } from "zod";
import { ERROR_STATUS } from "../../base/errors.ts";
import { ADMIN_ERROR_STATUS } from "./admin-errors.ts";
import * as bodies from "./api-schema.ts";
import type { Route } from "./route.ts";

/** The table of routes as an OpenAPI 3.1 document: from the same schemas that check the requests. */
export function openApiOf(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Yingda review console",
      version,
      description:
        "The API of the console's own page, on the same origin. Everything but GET takes the header x-csrf-token (from GET /session) and an Origin of this server; times are milliseconds since 1970.",
    },
    servers: [{ url: "/admin/api" }],
    security: [{ session: [] }],
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "__Host-yingda", description: "Set by signing in." },
      },
      schemas: { error: ERROR_SCHEMA, liveEvent: jsonSchemaOf(bodies.liveEvent, "output"), ...namedIn(routes) },
    },
    paths,
  };
}

const ERROR_SCHEMA = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string", enum: [...Object.keys(ADMIN_ERROR_STATUS), ...Object.keys(ERROR_STATUS)] },
        message: { type: "string" },
      },
    },
  },
};

const error = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/error" } } },
});

function operationOf(route: Route): Record<string, unknown> {
  const open = route.role === "nobody";
  const parameters = [...parametersOf(route.params, "path"), ...parametersOf(route.query, "query")];
  return {
    summary: route.summary,
    "x-least-role": route.role,
    ...(open ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === null
      ? {}
      : { requestBody: { content: { "application/json": { schema: bodyOf(route.body, "input") } } } }),
    responses: {
      ...answerOf(route),
      400: error("The request does not fit its schema."),
      ...(open ? {} : { 401: error("Not signed in.") }),
      403: error("The role does not reach, or the request does not come from the console's page."),
      ...conflictsOf(route),
      503: error("Redis or the database is away."),
    },
  };
}

function answerOf({ answer, gives }: Route): Record<string, unknown> {
  if (answer !== null) {
    const schema = bodyOf(answer, "output");
    return { 200: { description: gives, content: { "application/json": { schema } } } };
  }
  if (gives === "nothing") return { 204: { description: "Done." } };
  return gives.startsWith("a redirect") ? { 302: { description: gives } } : { 200: { description: gives } };
}

/** Whatever changes one case may meet another's change. */
function conflictsOf({ method, path }: Route): Record<string, unknown> {
  if (method === "PUT" && path === "/policy") return { 409: error("The policy was changed meanwhile.") };
  if (method !== "POST" || !path.includes("/:caseNumber")) return {};
  const schema = bodyOf(bodies.conflictAnswer, "output");
  const description = "The case is not what it was: as it is now, and who decided what.";
  return { 409: { description, content: { "application/json": { schema } } } };
}

/** Bodies of api-schema.ts by their names there. */
const NAMES: ReadonlyMap<unknown, string> = new Map(Object.entries(bodies).map(([name, body]) => [body, name]));

function bodyOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const name = NAMES.get(schema);
  return name === undefined ? jsonSchemaOf(schema, io) : { $ref: `#/components/schemas/${name}` };
}

/** The named bodies that routes take or give. None is both. */
function namedIn(routes: readonly Route[]): Record<string, unknown> {
  const used = routes.flatMap(({ body, answer }) => [
    ...(body === null ? [] : [{ schema: body, io: "input" as const }]),
    ...(answer === null ? [] : [{ schema: answer, io: "output" as const }]),
  ]);
  const all = [...used, { schema: bodies.conflictAnswer, io: "output" as const }];
  const named = all.flatMap(({ schema, io }): [string, unknown][] => {
    const name = NAMES.get(schema);
    return name === undefined ? [] : [[name, jsonSchemaOf(schema, io)]];
  });
  return Object.fromEntries(named);
}

function parametersOf(schema: z.ZodType | null, where: "path" | "query"): Record<string, unknown>[] {
  if (schema === null) return [];
  const { properties = {}, required = [] } = jsonSchemaOf(schema, "input");
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    schema: property,
  }));
}

function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): z.core.JSONSchema.BaseSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
