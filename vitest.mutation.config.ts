import { defineConfig } from "vitest/config";

/** The tests that mutants are tried against: those that need no server and answer in milliseconds. */
export default defineConfig({
  test: {
    include: [
      "test/unit/core/**/*.test.ts",
      "test/unit/crypto/{token,refresh_token,service_key,bounded}*.test.ts",
      "test/unit/access_token/**/*.test.ts",
    ],
    testTimeout: 60_000,
    pool: "forks",
  },
});
