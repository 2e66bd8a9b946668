import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LocalAdmin } from "../../../src/cli/local_admin.js";
import { SETTINGS } from "../../../src/config/settings_table.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { type Invocation, run } from "./recording_terminal.js";

const SECRET = "Sesam0effneDich";
const NOBODY = "127.0.0.1:1";

/** A local admin that fails every operation with an error that repeats its input. */
const blabbing = (message: string): Partial<LocalAdmin> => ({
  migrateStatus: () => Promise.reject(new Error(message)),
});

describe("D6: no message repeats a credential, also one that cannot be used", () => {
  const list = ["users", "list", "--target", NOBODY];
  const cases: readonly [string, readonly string[], Invocation][] = [
    ...["é", "\n", "\r\nx: ", "\u0000", " ", "\u2028", "😀"].flatMap(
      (bad): [string, readonly string[], Invocation][] => [
        [
          `CURFEW_TOKEN with ${JSON.stringify(bad)}`,
          list,
          { environment: { CURFEW_TOKEN: `a${bad}${SECRET}` } },
        ],
        [`--token with ${JSON.stringify(bad)}`, [...list, "--token", `a${bad}${SECRET}`], {}],
      ],
    ),
    ["an option that the command lacks", ["migrate", "status", `--token=${SECRET}`], {}],
    ["another one", ["users", "list", `--password=${SECRET}`], {}],
    ["an access token in the wrong place", ["sessions", `eyJhbGciOiJF.${SECRET}.x`], {}],
    ["a service key in the wrong place", ["services", `cfs_${SECRET}`], {}],
    ...Object.values(SETTINGS)
      .filter(({ secret }) => secret)
      .flatMap(({ name }): [string, readonly string[], Invocation][] => [
        [`${name} that is nonsense`, ["serve"], { environment: { [name]: SECRET } }],
        [`${name} with a line break`, ["serve"], { environment: { [name]: `a\n${SECRET}` } }],
        [
          `${name} in an error of a library`,
          ["migrate", "status"],
          {
            environment: {
              DATABASE_URL: "postgres://db/curfew",
              [name]: name.endsWith("_URL") ? `postgres://u:${SECRET}@db/curfew` : SECRET,
            },
            localAdmin: blabbing(`it was ${JSON.stringify(SECRET)}`),
          },
        ],
      ]),
    [
      "a DATABASE_URL with another scheme",
      ["migrate", "status"],
      { environment: { DATABASE_URL: `mysql://u:${SECRET}@h/x` } },
    ],
    [
      "a DATABASE_URL with a port that is none",
      ["migrate", "status"],
      { environment: { DATABASE_URL: `postgres://u:${SECRET}@h:99999/x` } },
    ],
    [
      "a password that is typed",
      ["users", "list", "--username", "ann", "--password-stdin", "--target", NOBODY],
      { piped: `${SECRET}\n` },
    ],
  ];

  test.each(cases)("%s", async (_case, words, invocation) => {
    for (const json of [[], ["--json"]]) {
      const outcome = await run([...words, ...json], invocation);
      expect(outcome.exitCode).not.toBe(0);
      expect(outcome.errors).not.toBe("");
      expect(outcome.output + outcome.errors).not.toContain(SECRET);
    }
  });

  test("a token that cannot be one is named, with what is wrong", async () => {
    const environment = { CURFEW_TOKEN: "abc\ndef" };
    expect(await run(list, { environment })).toMatchObject({
      exitCode: 2,
      errors:
        "curfew: CURFEW_TOKEN is neither an access token nor a service key: it has a line break in it. Copy it again, whole and on one line.\n",
    });
    expect((await run([...list, "--token", "abcé"])).errors).toMatch(
      /^curfew: --token is neither .* letter outside ASCII/,
    );
  });
});

describe("files of TLS are named when they are not what they should be", () => {
  const folder = makePrivateFolder("cli-tls-files");
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const text = file("ca.txt", `not a certificate ${SECRET}`);
  const broken = file(
    "broken.pem",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  );

  test.each([
    [
      ["--tls-ca", text],
      /The file of --tls-ca \(CURFEW_TLS_CA\), \S+ca\.txt, holds no certificate in PEM/,
    ],
    [["--tls-ca", broken], /\S+broken\.pem, holds a certificate that cannot be read \(number 1: /],
    [
      ["--tls-cert", text, "--tls-key", text],
      /The file of --tls-cert .*ca\.txt, holds no certificate in PEM/,
    ],
  ])("%j", async (options, sentence) => {
    const outcome = await run(["users", "list", "--target", NOBODY, ...options]);
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toMatch(sentence);
    expect(outcome.errors).not.toContain(SECRET);
  });

  test("those of the settings too, by the name of the setting", async () => {
    const environment = { CURFEW_TLS_CA: text };
    expect((await run(["health", "--target", NOBODY], { environment })).errors).toContain("ca.txt");
    const own = { TLS_CERT_FILE: text, TLS_KEY_FILE: "/nowhere/key.pem" };
    expect((await run(["health"], { environment: own })).errors).toMatch(
      /^curfew: The file of TLS_CERT_FILE, \S+, holds no certificate in PEM/,
    );
  });
});
