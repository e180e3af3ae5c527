/**
 * A real Redis for one test file, tied to its process: see `startPrivateRedis`. Started by `npm test` it is the server
 * that the starter found or fetched; by hand, the one on the PATH or fetched by an earlier `npm test`.
 */
export type { PrivateRedis } from "../../scripts/setup/private-redis.mjs";
export { startPrivateRedis } from "../../scripts/setup/private-redis.mjs";
