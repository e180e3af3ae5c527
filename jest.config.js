import { availableParallelism } from "node:os";

export default {
  // Much of what the tests take is waiting (leases, kills, browsers): one file more at a time than there are cores.
  maxWorkers: availableParallelism() + 1,
  testEnvironment: "<rootDir>/test/support/jest-environment.js",
  roots: ["<rootDir>/test"],
  // A hook that starts a whole world takes a second, and many on a machine that is busy with something else.
  testTimeout: 20_000,
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2024" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
};
