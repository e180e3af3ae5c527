import { type Clock, systemClock } from "../src/base/clock.ts";
import { readConfig } from "../src/config.ts";
import { createGateway } from "../src/gateway.ts";

/**
 * The real service as a process of its own, for the `console` benchmark. Sends its address; a number that it is sent moves
 * its clock on by so many milliseconds, so that figures which are kept for ten seconds are made anew.
 */
let movedMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => Date.now() + movedMs };
process.on("message", (ms: number) => {
  movedMs += ms;
  process.send?.("moved");
});
process.on("disconnect", () => process.exit(0));
const gateway = await createGateway(readConfig(process.env), { clock });
process.on("SIGTERM", () => {
  gateway.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
process.send?.(gateway.url);
