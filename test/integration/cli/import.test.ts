import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "@node-rs/bcrypt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";
import { startCurfew } from "./curfew_process.js";

const PASSWORD = "pleaseletmein";
const SCRYPT = "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D";

let service: TestService;
let folder: string;
beforeAll(async () => {
  service = await startTestService();
  folder = makePrivateFolder("import");
});
afterAll(() => service?.stop());

const file = (name: string, lines: readonly string[]): string => {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
};
const curfew = (words: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  startCurfew(words, { DATABASE_URL: service.databaseUrl, ...environment }, folder);
const hashOf = async (username: string): Promise<string | undefined> =>
  (
    await service.query<{ password_hash: string }>(
      "SELECT password_hash FROM users WHERE username_folded = $1",
      [username],
    )
  )[0]?.password_hash;

describe("users import, beside a running service", { timeout: 120_000 }, () => {
  test("imported people sign in with the passwords they have, and get a hash of today", async () => {
    const digest = createHash("sha256").update(PASSWORD).digest("hex");
    const hashes: Record<string, string> = {
      libsodium: SCRYPT,
      bcrypt: hashSync(PASSWORD, { cost: 4 }),
      django: `bcrypt_sha256$${hashSync(digest, { cost: 4 })}`,
    };
    const rows = Object.entries(hashes).map(([name, hash]) => `${name},${hash},`);
    const path = file("people.csv", [
      "username,password_hash,roles",
      ...rows,
      `broken,${hashes.bcrypt?.slice(0, -1)},`,
    ]);
    const { exitCode, output, errors } = await curfew(["users", "import", path]).ended;
    expect(output).toBe(
      `Imported 3 users; 0 there already; refused 1 row (see ${path}.refused.csv).\n`,
    );
    expect(exitCode).toBe(1);
    expect(errors).toMatch(/^line 5 \(broken\): password_hash is not/);
    expect(readFileSync(`${path}.refused.csv`, "utf8")).not.toContain("$2b$");

    for (const [name, hash] of Object.entries(hashes)) {
      expect(await hashOf(name)).toBe(hash);
      await expect(service.signIn(name, "test", "wrong")).rejects.toThrow();
      expect(await hashOf(name)).toBe(hash);
      expect((await service.signIn(name, "test", PASSWORD)).user?.username).toBe(name);
      expect(await hashOf(name)).toMatch(/^\$argon2id\$/);
      expect((await service.signIn(name, "test", PASSWORD)).user?.username).toBe(name);
    }
  });

  test("Ctrl-C stops it between batches, and the next run goes on", async () => {
    const count = 10_000;
    const rows = Array.from({ length: count }, (_, index) => `many-${index},${SCRYPT}`);
    // A refused row early, to know when it is under way.
    const path = file("many.csv", ["username,password_hash", "early,x", ...rows]);
    const first = curfew(["users", "import", path, "--json"]);
    await waitUntil("the import is under way", () => first.errors().includes("line 2"), 60_000);
    first.interrupt();
    const { exitCode, output } = await first.ended;
    expect(exitCode).toBe(1);
    const stopped = JSON.parse(output) as { imported: number; stopped: boolean };
    expect(stopped.stopped).toBe(true);
    expect(stopped.imported).toBeLessThan(count);

    const second = await curfew(["users", "import", path, "--json"]).ended;
    expect(JSON.parse(second.output)).toMatchObject({
      imported: count - stopped.imported,
      existing: stopped.imported,
      refused: 1,
      stopped: false,
    });
    const [{ users = "", events = "" } = {}] = await service.query<{
      users: string;
      events: string;
    }>(
      `SELECT (SELECT count(*) FROM users WHERE username LIKE 'many-%') AS users,
        (SELECT count(*) FROM audit_events WHERE type = 'USER_CREATED'
          AND metadata @> '{"imported": "true"}' AND user_id IN
            (SELECT user_id::text FROM users WHERE username LIKE 'many-%')) AS events`,
    );
    expect([users, events]).toEqual([String(count), String(count)]);
  });
});

describe("nothing half done", { timeout: 120_000 }, () => {
  test("a database without tables, where a start would not make them, says what to do", async () => {
    const empty = await createDatabase({ schema: "empty" });
    try {
      const path = file("one.csv", ["username,password_hash", `ann,${SCRYPT}`]);
      const environment = { DATABASE_URL: empty.url, AUTO_MIGRATE: "false" };
      const refused = await curfew(["users", "import", path], environment).ended;
      expect(refused).toMatchObject({ exitCode: 1, output: "" });
      expect(refused.errors).toMatch(/^curfew: the database lacks .*run `curfew migrate up`/);
      const made = await curfew(["users", "import", path], { DATABASE_URL: empty.url }).ended;
      expect(made).toMatchObject({ exitCode: 0, errors: "" });
    } finally {
      await empty.drop();
    }
  });

  test("a database that is not there is a sentence", async () => {
    const path = file("one.csv", ["username,password_hash", `ann,${SCRYPT}`]);
    const nowhere = { DATABASE_URL: "postgres://curfew@127.0.0.1:1/curfew" };
    const outcome = await curfew(["users", "import", path], nowhere).ended;
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toMatch(/^curfew: The database does not answer: check DATABASE_URL/);
  });
});
