import { afterAll, describe, jest, test } from "@jest/globals";
import { describeCases } from "../contract/review-cases.ts";
import { describeKeeping } from "../contract/review-keeping.ts";
import { startPrivatePostgres } from "../support/private-postgres.ts";
import { openPostgresPlace } from "./review-places.ts";

jest.setTimeout(60_000);

const server = await startPrivatePostgres();

if (server === null) {
  describe.skip("cases on PostgreSQL (no server on this machine)", () => {
    test("needs a PostgreSQL server", () => {});
  });
} else {
  afterAll(() => server.stop());
  describeCases("PostgreSQL", () => openPostgresPlace(server));
  describeKeeping("PostgreSQL", () => openPostgresPlace(server));
}
