import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePrivateFolder } from "../../support/private_folder.js";
import { findPython, makePythonStubs } from "../../support/python.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { outputPattern, readDocument, snippetsOf } from "./document.js";

const run = promisify(execFile);

const snippets = snippetsOf(readDocument("backends.md"));
const snippetIn = (language: string) => {
  const found = snippets.find((snippet) => snippet.language === language);
  if (found === undefined) throw new Error(`backends.md has no snippet in ${language}.`);
  return found;
};

describe("against a running service", () => {
  let service: TestService;
  let environment: NodeJS.ProcessEnv;
  let folder: string;
  beforeAll(async () => {
    service = await startTestService();
    folder = makePrivateFolder("backends");
    const { username } = await service.createUser();
    environment = {
      PATH: process.env.PATH,
      CURFEW_TARGET: service.target,
      CURFEW_SERVICE_KEY: await service.createServiceKey("validate"),
      LOGIN: username,
      PASSWORD,
    };
  });
  afterAll(() => service?.stop());

  const node = async (token: string): Promise<unknown> => {
    const validator = new URL("../../../src/validator/index.ts", import.meta.url).href;
    const file = join(folder, "backend.mjs");
    writeFileSync(file, snippetIn("js").text.replace("curfew/validator", validator));
    const tsx = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
    const { stdout } = await run(process.execPath, ["--import", tsx, file], {
      env: { ...environment, TOKEN: token },
    });
    return JSON.parse(stdout);
  };

  test("the Node snippet tells a good token from a bad one", { timeout: 120_000 }, async () => {
    const { accessToken, user } = await service.signIn(environment.LOGIN ?? "");
    expect(await node(accessToken)).toEqual({ status: 200, user: user?.username, roles: [] });
    expect(await node("not a token")).toEqual({ status: 401, reason: "ACCESS_TOKEN_INVALID" });
  });

  test("the Python snippet prints what it says, with stubs from the proto", async () => {
    const programs = findPython();
    const gen = join(folder, "gen");
    makePythonStubs(programs, gen);

    const { text } = snippetIn("python");
    const expected = snippets[snippets.indexOf(snippetIn("python")) + 1]?.text ?? "";
    const { stdout } = await run(programs.python, ["-c", text], {
      cwd: gen,
      env: environment,
      timeout: 60_000,
    });
    expect(stdout).toMatch(outputPattern(expected));
  }, 120_000);
});
