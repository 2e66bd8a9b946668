import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fail } from "../../../src/core/errors.js";
import { type Invocation, run } from "./recording_terminal.js";
import { answering, Refused, type StubServer, startStubServer } from "./stub_server.js";

let server: StubServer;
beforeEach(async () => {
  server = await startStubServer({
    sessions: {
      cleanupSessions: answering(() => {
        throw new Refused({ code: status.PERMISSION_DENIED, reason: "PERMISSION_DENIED" });
      }),
    },
  });
});
afterEach(() => server.close());

const DATABASE = { DATABASE_URL: "postgres://db/curfew" };

describe("under --json a failure is one JSON object on one line of the error stream", () => {
  const cases: readonly [string, readonly string[], Invocation, string, number][] = [
    ["an unknown command", ["frobnicate"], {}, "USAGE", 2],
    ["an unknown option", ["users", "list", "--nonsense"], {}, "USAGE", 2],
    ["a missing argument", ["sessions", "why"], {}, "USAGE", 2],
    ["a value that cannot be", ["health", "--timeout", "soon"], {}, "USAGE", 2],
    ["a group without a command", ["sessions"], {}, "USAGE", 2],
    ["what does not go together", ["sessions", "revoke"], {}, "USAGE", 2],
    ["settings", ["serve"], { environment: { GRPC_PORT: "x" } }, "SETTINGS_INVALID", 2],
    [
      "settings of another command",
      ["migrate", "up"],
      { environment: { DATABASE_URL: "x" } },
      "SETTINGS_INVALID",
      2,
    ],
    [
      "a server that is not there",
      ["users", "list", "--target", "127.0.0.1:1"],
      {},
      "UNAVAILABLE",
      1,
    ],
    [
      "a database that refuses",
      ["migrate", "up"],
      {
        environment: DATABASE,
        localAdmin: {
          migrateUp: () => Promise.reject(Object.assign(new Error("no"), { code: "42501" })),
        },
      },
      "DATABASE_REFUSED",
      1,
    ],
    [
      "a use case that fails",
      ["services", "list"],
      {
        environment: DATABASE,
        localAdmin: { listServiceKeys: () => Promise.reject(fail("DEPENDENCY_UNAVAILABLE")) },
      },
      "DEPENDENCY_UNAVAILABLE",
      1,
    ],
    [
      "a defect",
      ["services", "list"],
      {
        environment: DATABASE,
        localAdmin: { listServiceKeys: () => Promise.reject(new TypeError("oops")) },
      },
      "FAILED",
      1,
    ],
    [
      "a file that is not there",
      ["users", "import", "nowhere.csv"],
      { environment: DATABASE },
      "FAILED",
      1,
    ],
  ];
  test.each(cases)("%s", async (_case, words, invocation, reason, exitCode) => {
    const outcome = await run([...words, "--json"], invocation);
    expect(outcome).toMatchObject({ exitCode, output: "" });
    expect(outcome.errors).toMatch(/^[^\n]+\n$/);
    const { error } = JSON.parse(outcome.errors);
    expect(error).toMatchObject({ reason, exit_code: exitCode });
    expect(error.message).toMatch(/\S/);
  });

  test("a refusal of the server has its reason", async () => {
    const outcome = await run(["sessions", "cleanup", "--json", "--target", server.target], {
      environment: { CURFEW_TOKEN: "t" },
    });
    expect(JSON.parse(outcome.errors)).toMatchObject({
      error: { reason: "PERMISSION_DENIED", exit_code: 1 },
    });
  });

  test("several problems are a list", async () => {
    const environment = { GRPC_PORT: "x", HTTP_PORT: "y" };
    const { errors } = await run(["serve", "--json"], { environment });
    expect(JSON.parse(errors).error.problems).toHaveLength(2);
  });

  test("warnings are JSON too, one a line", async () => {
    const outcome = await run(
      ["users", "list", "--json", "--token", "t", "--target", "192.0.2.1:1", "--timeout", "0.05"],
      {},
    );
    const lines = outcome.errors
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { warning: expect.stringContaining("in clear") },
      { error: expect.objectContaining({ exit_code: 1 }) },
    ]);
  });

  test("without --json, or after --, it is a sentence", async () => {
    expect((await run(["frobnicate"])).errors).toMatch(/^curfew: unknown command/);
    expect((await run(["frobnicate", "--", "--json"])).errors).toMatch(/^curfew: unknown command/);
  });
});
