import { expect, test } from "@jest/globals";
import { measure } from "../../bench/streams.ts";

test("a short form of the streams benchmark sees every token of every stream, by both readers", async () => {
  const size = { streams: 30, tokens: 60, warmUp: false };
  for (const measured of Object.values(await measure(size))) {
    expect(measured.delaysMs).toHaveLength(size.streams * size.tokens);
    // A token cannot be read before it was written: the clocks of the processes agree.
    expect(Math.min(...measured.delaysMs)).toBeGreaterThan(0);
    expect(measured.cpuMsPerStreamSecond).toBeGreaterThan(0);
  }
}, 60_000);
