import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startCurfew } from "./curfew_process.js";

const folder = makePrivateFolder("completion");
const curfew = (...words: string[]) => startCurfew(words, {}, folder).ended;
const suggested = async (...words: string[]): Promise<string[]> => {
  const { output } = await curfew("complete", "--", ...words);
  return output.split("\n").map((line) => line.split("\t")[0] ?? "");
};

test.each(["bash", "zsh", "fish", "powershell"])(
  "completion %s prints a script that calls curfew",
  { timeout: 60_000 },
  async (shell) => {
    const { exitCode, output, errors } = await curfew("completion", shell);
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: "" });
    expect(output).toContain("curfew");
    if (shell === "bash") execFileSync("bash", ["-n"], { input: output });
  },
);

test("a shell it does not know is a sentence", { timeout: 60_000 }, async () => {
  const { exitCode, output, errors } = await curfew("completion", "tcsh");
  expect({ exitCode, output }).toEqual({ exitCode: 2, output: "" });
  expect(errors).toMatch(/^curfew: .*'tcsh'.*zsh, bash, fish, powershell.*\n$/);
});

test("commands, options and their values are suggested", { timeout: 120_000 }, async () => {
  expect(await suggested("")).toEqual(
    expect.arrayContaining(["serve", "migrate", "users", "sessions", "keys", "health"]),
  );
  expect(await suggested("users", "")).toEqual(expect.arrayContaining(["import", "set-password"]));
  expect(await suggested("sessions", "list", "--st")).toContain("--state");
  expect(await suggested("sessions", "list", "--state", "")).toEqual(
    expect.arrayContaining(["active", "idle_timeout", "expired", "revoked"]),
  );
});
