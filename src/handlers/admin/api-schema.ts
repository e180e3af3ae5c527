/**
 * The review console's JSON API below `/admin/api/`: what goes in and what comes out, in one place. The server checks every
 * body and query by it, the OpenAPI file is made from it, and the console's page takes its types from it.
 *
 * Times are milliseconds since 1970. Texts are masked unless a route says otherwise. Errors are
 * `{ "error": { "code", "message" } }` as everywhere in the service.
 */

export * from "./schema/cases.ts";
export * from "./schema/live-event.ts";
export { ROLES, type Role } from "./schema/parts.ts";
export * from "./schema/people.ts";
export * from "./schema/policy.ts";
export * from "./schema/reports.ts";
export * from "./schema/second-reviews.ts";
export * from "./schema/session.ts";
