import { describeCases } from "../contract/review-cases.ts";
import { describeKeeping } from "../contract/review-keeping.ts";
import { openSqlitePlace } from "./review-places.ts";

describeCases("SQLite", openSqlitePlace);
describeKeeping("SQLite", openSqlitePlace);
