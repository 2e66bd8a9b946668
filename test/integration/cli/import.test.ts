import { createHash, pbkdf2Sync } from "node:crypto";
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
    expect(errors).toMatch(/^line 5 \(broken\): password_hash is malformed/);
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

  test("users of Keycloak with argon2 1.0, and of passlib with SHA-1, sign in; what is too costly is refused by name", async () => {
    const password = "correct horse battery staple";
    const keycloak = (username: string, hash: string, parameters: Record<string, string[]>) =>
      JSON.stringify({
        username,
        enabled: true,
        credentials: [
          {
            type: "password",
            secretData: JSON.stringify({
              value: hash,
              salt: Buffer.from("somesalt16bytes!").toString("base64"),
              additionalParameters: {},
            }),
            credentialData: JSON.stringify({
              hashIterations: 2,
              algorithm: "argon2",
              additionalParameters: { hashLength: ["32"], parallelism: ["1"], ...parameters },
            }),
          },
        ],
      });
    const small = { memory: ["4096"], type: ["id"] };
    const path = file("keycloak.jsonl", [
      // argon2 somesalt16bytes! -id -t 2 -k 4096 -p 1 -l 32 -v 10 and 13
      keycloak("old", "eLUv9K8j/3+0dXVMXQC2fsX3/zwEy0w55If3AFtx+O0=", {
        ...small,
        version: ["1.0"],
      }),
      keycloak("new", "M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs=", {
        ...small,
        version: ["1.3"],
      }),
      keycloak("dear", "M7lgaYYZAp1G4ZfTVlzcG3a9sy+WuMlOyoILtw1CmIs=", {
        ...small,
        memory: ["1048576"],
        version: ["1.3"],
      }),
      JSON.stringify({
        username: "sha1",
        password_hash: "$pbkdf2$1000$sBaCsHaOsdbam/MeAwAAQA$RLU5gW5qm0sliFrbv.lJOKkF4Bo",
      }),
    ]);
    const { errors } = await curfew(["users", "import", path]).ended;
    expect(errors).toBe(
      "line 3 (dear): password_hash costs too much to check: it takes 1024 MiB of memory; at most 256 MiB are accepted\n",
    );
    for (const name of ["old", "new", "sha1"]) {
      expect((await service.signIn(name, "test", password)).user?.username).toBe(name);
    }
  });

  test("D2: whoever has a costly hash that was accepted signs in, and so do others meanwhile", async () => {
    const password = "correct horse battery staple";
    // 0.5 s on one processor of 2026: salt "somesalt", made with node:crypto.
    const hash = pbkdf2Sync(password, "somesalt", 1_200_000, 32, "sha256").toString("base64");
    const costly = `pbkdf2_sha256$1200000$somesalt$${hash}`;
    const path = file("costly.csv", [
      "username,password_hash",
      `costly,${costly}`,
      `cheap,${hashSync(password, { cost: 4 })}`,
    ]);
    expect(await curfew(["users", "import", path]).ended).toMatchObject({ exitCode: 0 });
    const signedIn: string[] = [];
    const signIn = async (name: string) => {
      await service.signIn(name, "test", password);
      signedIn.push(name);
    };
    await Promise.all([signIn("costly"), signIn("cheap")]);
    expect(signedIn.sort()).toEqual(["cheap", "costly"]);
  });

  test("Ctrl-C stops it between batches, and the next run goes on", async () => {
    const count = 10_000;
    const rows = Array.from({ length: count }, (_, index) => `many-${index},${SCRYPT}`);
    // A refused row early, to know when it is under way.
    const path = file("many.csv", ["username,password_hash", "early,x", ...rows]);
    const first = curfew(["users", "import", path, "--json"]);
    await waitUntil("the import is under way", () => first.errors().includes(`"line":2`), 60_000);
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
