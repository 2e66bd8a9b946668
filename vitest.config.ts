import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const continuousIntegration = Boolean(process.env.CI);
const workers = Math.min(4, Math.max(2, availableParallelism()));

/** Settings of every project: each test file runs in a process of its own and must leave nothing open. */
const everyFile = {
  pool: "forks" as const,
  setupFiles: ["test/support/end_with_runner.ts", "test/support/leak_check.ts"],
};

/** Settings of the projects whose files need the run's Postgres and Redis. */
const realStores = {
  ...everyFile,
  globalSetup: ["test/support/global_setup.ts"],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    // On CI also a report to count.
    reporters: continuousIntegration ? ["default", "json"] : ["default"],
    outputFile: { json: ".test/vitest.json" },
    allowOnly: !continuousIntegration,
    teardownTimeout: 20_000,
    projects: [
      {
        test: {
          ...everyFile,
          name: "unit",
          include: ["test/unit/**/*.test.{ts,tsx}"],
          // A bound for what hangs, with room for a machine that is busy with other work.
          testTimeout: 60_000,
          maxWorkers: workers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...realStores,
          name: "stores",
          include: ["test/{contract,integration,property,browser}/**/*.test.{ts,tsx}"],
          maxWorkers: workers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Alone and one at a time, because these files assert how many milliseconds an answer takes.
        test: {
          ...realStores,
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          testTimeout: 60_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Last and alone, because its many replicas and servers take all of the machine for a minute.
        test: {
          ...realStores,
          name: "defects",
          include: ["faults/**/*.test.ts"],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
