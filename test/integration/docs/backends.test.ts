import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { findPython, makePythonStubs, PROTO_PATHS } from "../../support/python.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { outputPattern, readDocument, snippetsOf } from "./document.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

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

describe("what is not run names only what the proto has", () => {
  const registry = registryOf(readDescriptors());
  const messageNamed = (name: string) => registry.getMessage(`curfew.v1.${name}`);
  const methods = registry.getService("curfew.v1.AuthService")?.methods ?? [];
  const pascal = (name: string) =>
    name.replaceAll(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());

  test("Go", () => {
    const { text } = snippetIn("go");
    const calls = [...text.matchAll(/\bauth\.(\w+)\(/g)].map(([, name]) => name);
    expect(calls).toEqual(["ValidateToken"]);
    for (const call of calls) expect(methods.map(({ name }) => name)).toContain(call);
    const literals = [...text.matchAll(/&curfewv1\.(\w+)\{(\w+):/g)];
    expect(literals).toHaveLength(1);
    for (const [, message = "", field] of literals) {
      expect(messageNamed(message)?.fields.map(({ name }) => pascal(name))).toContain(field);
    }
    for (const [, type = ""] of text.matchAll(/curfewv1\.(\w+(?:Request|Response))\b/g)) {
      expect(messageNamed(type), type).toBeDefined();
    }
  });

  test("Java, by the classes that protoc makes", () => {
    const { text } = snippetIn("java");
    const gen = makePrivateFolder("java");
    const file = "curfew/v1/auth_service.proto";
    const paths = PROTO_PATHS.map((path) => `--proto_path=${path}`);
    execFileSync(findPython().protoc, [...paths, `--java_out=${gen}`, file]);
    const classes = readFileSync(join(gen, "curfew/v1/AuthServiceOuterClass.java"), "utf8");
    const imports = [...text.matchAll(/curfew\.v1\.AuthServiceOuterClass\.(\w+);/g)];
    expect(imports).toHaveLength(2);
    for (const [, name] of imports) expect(classes).toContain(`public static final class ${name} `);
    expect(text).toContain(".setAccessToken(");
    expect(classes).toContain("public Builder setAccessToken(");
    expect(methods.map(({ localName }) => localName)).toContain(
      /\.(validate\w+)\(ValidateTokenRequest/.exec(text)?.[1],
    );
  });

  test("the template for Go is one that buf takes", () => {
    const template = parse(snippetIn("yaml").text) as { plugins: { local: string }[] };
    expect(template.plugins.map(({ local }) => local)).toEqual([
      "protoc-gen-go",
      "protoc-gen-go-grpc",
    ]);
    // The plugins are not here: protoc's own for Python takes their place, so that buf reads the rest.
    const gen = makePrivateFolder("buf");
    const plugins = [{ protoc_builtin: "python", out: gen }];
    const text = JSON.stringify({ ...template, plugins });
    execFileSync(
      join(ROOT, "node_modules/.bin/buf"),
      ["generate", "--template", text, "--path", "proto/curfew"],
      { cwd: ROOT, stdio: "pipe" },
    );
    expect(readdirSync(join(gen, "curfew", "v1"))).toContain("auth_service_pb2.py");
  });
});
