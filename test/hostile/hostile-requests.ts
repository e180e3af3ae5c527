import { fixedBodies } from "./corpus/bodies.ts";
import { fixedMessages } from "./corpus/messages.ts";
import { fixedQueries } from "./corpus/queries.ts";
import type { Doors, HostileRequest, Route } from "./requests.ts";
import { seeded, variation } from "./variations.ts";

/** `count` requests for one route: the fixed corpus first, then variations that `seed` decides. */
export function* hostileRequests(doors: Doors, route: Route, count: number, seed: number): Generator<HostileRequest> {
  const random = seeded(seed);
  let given = 0;
  for (const request of [...fixedQueries(doors, route), ...fixedBodies(doors, route), ...fixedMessages(doors, route)]) {
    if (given === count) return;
    given += 1;
    yield request;
  }
  for (; given < count; given += 1) yield variation(doors, route, random, given);
}
