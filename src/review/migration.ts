import type { Engine } from "./engine.ts";

/** Plain SQL that both engines understand, or what only one of them is to run. */
export type MigrationStatement = string | { only: Engine["dialect"]; sql: string };

export interface Migration {
  name: string;
  statements: MigrationStatement[];
}
