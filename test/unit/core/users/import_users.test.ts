import { describe, expect, test } from "vitest";
import {
  type ImportProgress,
  type ImportRow,
  importUsers,
  type RefusedRow,
} from "../../../../src/core/users/import_users.js";
import type { ImportedUser } from "../../../../src/core/users/imported_user.js";
import { uuidV7Source } from "../../../../src/crypto/uuid_v7.js";
import { memoryIntake } from "../../cli/memory_intake.js";

const NOW = Date.UTC(2030, 0, 1);
const USER: ImportedUser = {
  username: "Ann",
  passwordHash: "good",
  displayName: "",
  roles: [],
  isActive: true,
};

async function* rowsOf(users: readonly ImportRow["user"][]): AsyncGenerator<ImportRow> {
  for (const [index, user] of users.entries()) {
    yield { line: index + 1, bytesRead: (index + 1) * 10, user };
  }
}

const stage = () => {
  const intake = memoryIntake();
  const refused: RefusedRow[] = [];
  const steps: ImportProgress[] = [];
  const take = importUsers({
    intake,
    ids: uuidV7Source(),
    clock: { now: () => NOW },
    hashProblem: async (encoded) => (encoded === "good" ? undefined : "password_hash is bad"),
  });
  const run = (
    users: readonly ImportRow["user"][],
    { dryRun = false, stopAfter = Infinity } = {},
  ) => {
    const watcher = {
      onRefused: (row: RefusedRow) => void refused.push(row),
      onProgress: (progress: ImportProgress) => void steps.push(progress),
      isStopped: () => steps.length >= stopAfter,
    };
    return take(rowsOf(users), watcher, { dryRun });
  };
  return { intake, refused, steps, run };
};

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ ...USER, username: `user-${index}` }));

describe("importing users", () => {
  test("makes each of them, with the hash as it is", async () => {
    const { intake, run } = stage();
    const user = { ...USER, username: " Ａnn ", displayName: "Ann E.", roles: ["a", "b", "a"] };
    expect(await run([user])).toEqual({ bytesRead: 10, imported: 1, existing: 0, refused: 0 });
    expect([...intake.accounts.values()]).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        username: "Ann",
        displayName: "Ann E.",
        roles: ["a", "b"],
        isActive: true,
        createdAt: NOW,
        passwordHash: "good",
      },
    ]);
  });

  test("works in batches, and tells how far it is after each", async () => {
    const { intake, steps, run } = stage();
    await run(many(1_200));
    expect(intake.batches).toEqual([500, 500, 200]);
    expect(steps.map(({ imported, bytesRead }) => [imported, bytesRead])).toEqual([
      [500, 5_000],
      [1_000, 10_000],
      [1_200, 12_000],
    ]);
  });

  test("goes on where it was stopped, and makes nobody twice", async () => {
    const { intake, run } = stage();
    expect(await run(many(1_200), { stopAfter: 1 })).toMatchObject({ imported: 500 });
    expect(await run(many(1_200))).toMatchObject({ imported: 700, existing: 500 });
    expect(intake.accounts.size).toBe(1_200);
  });

  test("a dry run counts what a real one would do, and writes nothing", async () => {
    const { intake, run } = stage();
    await run([USER]);
    const again = [
      { ...USER, username: "ANN" },
      { ...USER, username: "bob" },
    ];
    const rows = [...again, { ...USER, username: "Bob" }, { problem: "no row" }];
    expect(await run(rows, { dryRun: true })).toMatchObject({
      imported: 1,
      existing: 2,
      refused: 1,
    });
    expect(intake.accounts.size).toBe(1);
    expect(await run(rows)).toMatchObject({ imported: 1, existing: 2, refused: 1 });
  });

  test.each<[string, ImportRow["user"], RegExp]>([
    ["an unreadable row", { problem: "it is not JSON" }, /^it is not JSON$/],
    ["no name", { ...USER, username: " " }, /^username is empty$/],
    ["a long name", { ...USER, username: "x".repeat(255) }, /more than 254/],
    ["a control character", { ...USER, username: "a\u0000b" }, /control characters/],
    ["half a character", { ...USER, displayName: "\ud800" }, /display_name has control/],
    ["no hash", { ...USER, passwordHash: "" }, /^password_hash is empty$/],
    ["another hash", { ...USER, passwordHash: "5f4dcc3b5aa765d6" }, /password_hash is bad/],
    ["a bad role", { ...USER, roles: ["ok", "not ok"] }, /the role "not ok" must start/],
    ["a long role", { ...USER, roles: ["x".repeat(65)] }, /is too long$/],
    ["too many roles", { ...USER, roles: Array(65).fill("x") }, /more than 64 roles/],
  ])("refuses %s with its line and the reason, and takes the others", async (_, user, reason) => {
    const { intake, refused, run } = stage();
    expect(await run([user, { ...USER, username: "fine" }])).toMatchObject({
      imported: 1,
      refused: 1,
    });
    expect(refused).toEqual([
      {
        line: 1,
        username: "username" in user ? user.username : "",
        reason: expect.stringMatching(reason),
      },
    ]);
    expect(refused[0]?.reason).not.toContain("5f4dcc3b5aa765d6");
    expect([...intake.accounts.keys()]).toEqual(["fine"]);
  });
});
