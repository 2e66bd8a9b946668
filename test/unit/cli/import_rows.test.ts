import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { csvRows } from "../../../src/cli/import/csv_rows.js";
import { jsonRows } from "../../../src/cli/import/json_rows.js";
import { MAX_LETTERS, textLines } from "../../../src/cli/import/text_lines.js";
import type { ImportRow } from "../../../src/core/users/import_users.js";
import { createHashJudge } from "../../../src/crypto/hash_judge.js";

const STRICT = { ignoreUnknown: false };

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
};

/** Hands a text on byte by byte, so that nothing depends on how it arrives. */
const bytewise = (text: string): Readable =>
  Readable.from([...Buffer.from(text)].map((byte) => Buffer.from([byte])));

const csv = (text: string, options = STRICT): Promise<ImportRow[]> =>
  collect(csvRows(bytewise(text), options));
const json = (text: string, options = STRICT): Promise<ImportRow[]> =>
  collect(jsonRows(bytewise(text), options));

const ANN = {
  username: "änn",
  passwordHash: "$2b$x",
  displayName: "Ann, E.",
  roles: ["admin", "billing"],
  isActive: false,
};

describe("CSV", () => {
  test("columns in any order, quotes, CRLF, a byte order mark and several roles", async () => {
    const [row] = await csv(
      '\uFEFFroles,Username,is_active,password_hash,display_name\r\n"admin, billing",änn,No,$2b$x,"Ann, E."\r\n',
    );
    expect(row).toMatchObject({ line: 2, user: ANN });
  });

  test("what is left out is empty and active", async () => {
    const [row] = await csv("username,password_hash\nbob,h");
    expect(row?.user).toEqual({
      username: "bob",
      passwordHash: "h",
      displayName: "",
      roles: [],
      isActive: true,
    });
  });

  test("a row that is no user is told by its line, and the next is read", async () => {
    const rows = await csv(
      'username,password_hash,is_active\n"a\nb",h,\n\nc,h\nd,h,perhaps\ne,h,yes\n',
    );
    expect(rows.map(({ line, user }) => [line, "problem" in user ? user.problem : "fine"])).toEqual(
      [
        [2, "fine"],
        [4, "it has 2 columns where the first line has 3"],
        [6, "is_active is neither true nor false"],
        [7, "fine"],
      ],
    );
  });

  test.each([
    ["username,password\n", /passwords in clear are not taken/],
    ["username,password_hash,email\n", /"email" is not one of username, .*--ignore-unknown/],
    ["username\n", /lacks password_hash\. Nothing was imported/],
    ["username,username,password_hash\n", /username is there twice/],
    ["", /file is empty/],
    ['"username', /The first line is not CSV/],
  ])("a first line that will not do ends it before anything: %j", async (text, sentence) => {
    await expect(csv(text)).rejects.toThrow(sentence);
  });

  test("other columns are passed over when told to", async () => {
    const rows = await csv("id,username,password_hash\n7,bob,h\n", { ignoreUnknown: true });
    expect(rows).toMatchObject([{ user: { username: "bob" } }]);
  });

  test.each([
    'username,password_hash\na,h\nb,"h\nc,h\n',
    `username,password_hash\na,h\nb,"${"x".repeat(MAX_LETTERS + 100)}"\n`,
    'username,password_hash\na,h\nb,x"secret"\n',
  ])("broken quotes end it with a sentence without the text", async (text) => {
    const rows = await csv(text);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({
      line: 3,
      user: { problem: expect.stringMatching(/quote.*Nothing after it was read$/) },
    });
    expect(JSON.stringify(rows[1])).not.toContain("secret");
  });
});

describe("JSON lines", () => {
  test("an object a line, by the names of the proto", async () => {
    const line = JSON.stringify({
      username: "änn",
      password_hash: "$2b$x",
      display_name: "Ann, E.",
      roles: ["admin", "billing"],
      is_active: false,
    });
    expect(await json(`\uFEFF${line}\r\n\n${line}`)).toMatchObject([
      { line: 1, user: ANN },
      { line: 3, user: ANN },
    ]);
  });

  test.each([
    ["{", "it is not JSON: each line is an object of its own"],
    ["[]", "it is not a JSON object"],
    ["null", "it is not a JSON object"],
    ['{"username": "a"}', "password_hash must be a text"],
    ['{"username": "a", "password_hash": "h", "roles": "x"}', "roles must be a list of texts"],
    ['{"username": "a", "password_hash": "h", "is_active": 1}', "is_active must be true or false"],
    ['{"username": "a", "password_hash": "h", "mail": "x"}', /"mail" is not one of/],
    ['{"username": "a", "password": "secret"}', /passwords in clear are not taken/],
    [`{"username": "${"x".repeat(MAX_LETTERS)}"}`, /longer than 65536/],
  ])("refuses %.60s", async (line, problem) => {
    const rows = await json(`${line}\n{"username": "ok", "password_hash": "h"}\n`);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      line: 1,
      user: { problem: expect.stringMatching(problem) },
    });
    expect(rows[1]).toMatchObject({ line: 2, user: { username: "ok" } });
  });
});

describe("users as Keycloak exports them", () => {
  const user = (credentialData: object, secretData: object) =>
    JSON.stringify({
      id: "1",
      username: "ann",
      email: "ann@example.com",
      enabled: true,
      firstName: "Ann",
      lastName: "Example",
      realmRoles: ["admin"],
      credentials: [
        { type: "otp", secretData: "{}", credentialData: "{}" },
        {
          type: "password",
          secretData: JSON.stringify(secretData),
          credentialData: JSON.stringify(credentialData),
        },
      ],
    });
  const SECRET = {
    value: Buffer.alloc(32, 7).toString("base64"),
    salt: Buffer.alloc(16, 9).toString("base64"),
  };

  test.each([
    [{ hashIterations: 27500, algorithm: "pbkdf2-sha256" }, /^\$pbkdf2-sha256\$i=27500\$/],
    [{ hashIterations: 210000, algorithm: "pbkdf2-sha512" }, /^\$pbkdf2-sha512\$i=210000\$/],
    [{ hashIterations: 20000, algorithm: "pbkdf2" }, /^\$pbkdf2-sha1\$i=20000\$/],
    [
      {
        hashIterations: 5,
        algorithm: "argon2",
        additionalParameters: {
          hashLength: ["32"],
          memory: ["7168"],
          type: ["id"],
          version: ["1.3"],
          parallelism: ["1"],
        },
      },
      /^\$argon2id\$v=19\$m=7168,t=5,p=1\$/,
    ],
    [
      {
        hashIterations: 5,
        algorithm: "argon2",
        additionalParameters: {
          hashLength: ["32"],
          memory: ["7168"],
          type: ["i"],
          version: ["1.0"],
          parallelism: ["2"],
        },
      },
      /^\$argon2i\$v=16\$m=7168,t=5,p=2\$/,
    ],
  ])("%o becomes a hash that can be checked", async (how, phc) => {
    const [row] = await json(user(how, SECRET));
    expect(row?.user).toEqual({
      username: "ann",
      passwordHash: expect.stringMatching(phc),
      displayName: "Ann Example",
      roles: ["admin"],
      isActive: true,
    });
    if (row === undefined || !("passwordHash" in row.user)) throw new Error("refused");
    expect(await createHashJudge()(row.user.passwordHash)).toBeUndefined();
  });

  test.each([
    [user({ hashIterations: 1, algorithm: "md5" }, SECRET), /unknown algorithm/, "ann"],
    [
      user(
        {
          hashIterations: 1,
          algorithm: "argon2",
          additionalParameters: { memory: ["64"], parallelism: ["1"], version: ["1.4"] },
        },
        SECRET,
      ),
      /unknown algorithm/,
      "ann",
    ],
    [user({ hashIterations: 1, algorithm: "argon2" }, SECRET), /unknown algorithm/, "ann"],
    [user({}, SECRET), /not as Keycloak writes them/, "ann"],
    ['{"username": "a", "credentials": []}', /hold no password/, "a"],
    ['{"username": "a", "enabled": 7, "credentials": []}', /not a user as Keycloak/, "a"],
    ['{"credentials": []}', /not a user as Keycloak/, undefined],
  ])("refuses %.60s by its name", async (line, problem, username) => {
    const [row] = await json(line);
    expect(row?.user).toEqual({ problem: expect.stringMatching(problem), username });
  });
});

test("lines are cut anywhere, also within a character, and none is kept that is too long", async () => {
  const lines = await collect(textLines(bytewise(`é\r\n\n${"x".repeat(MAX_LETTERS + 1)}\nlast`)));
  expect(lines.map(({ line, text }) => [line, text])).toEqual([
    [1, "é"],
    [2, ""],
    [3, undefined],
    [4, "last"],
  ]);
  expect(lines.at(-1)?.bytesRead).toBe(2 + 2 + 1 + MAX_LETTERS + 2 + 4);
});
