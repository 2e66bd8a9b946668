import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { findOrInstall } from "../../support/debian_packages.js";
import { findExecutable } from "../../support/executable.js";
import { findGo, goEnvironment } from "../../support/go.js";
import { findJava } from "../../support/java.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { PROTO_FILES, PROTO_PATHS } from "../../support/proto_sources.js";
import { startTestService } from "../../support/service.js";
import { readDocument, snippetsOf } from "./document.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const GO_PACKAGES = [
  "golang-go",
  "golang-google-grpc-dev",
  "golang-google-genproto-dev",
  "golang-google-protobuf-dev",
  "golang-github-golang-protobuf-1-5-dev",
  "protoc-gen-go-1-5",
  "protoc-gen-go-grpc",
];

const snippets = snippetsOf(readDocument("backends.md"));
const textIn = (language: string): string => {
  const found = snippets.find((snippet) => snippet.language === language);
  if (found === undefined) throw new Error(`backends.md has no snippet in ${language}.`);
  return found.text;
};

test("the Go snippet, with stubs made by its template, tells a good token from a bad one", {
  timeout: 600_000,
}, async () => {
  const go = findOrInstall(
    "Go with gRPC",
    () => findGo(["google.golang.org/grpc", "google.golang.org/protobuf/proto"]),
    GO_PACKAGES,
    `install it (Debian: apt-get install ${GO_PACKAGES.join(" ")}).`,
  );
  const folder = makePrivateFolder("go");
  const module = join(folder, "src", "example.com", "billing");
  mkdirSync(join(module, "session"), { recursive: true });
  writeFileSync(join(module, "session", "session.go"), textIn("go"));
  copyFileSync(join(import.meta.dirname, "go_client.go"), join(module, "main.go"));
  const template = parse(textIn("yaml")) as { plugins: { out: string }[] };
  for (const plugin of template.plugins) plugin.out = join(module, plugin.out);
  execFileSync(
    join(ROOT, "node_modules/.bin/buf"),
    ["generate", "--template", JSON.stringify(template), "--path", "proto/curfew"],
    { cwd: ROOT, stdio: "pipe" },
  );
  const client = join(folder, "client");
  const env = goEnvironment(folder, folder);
  execFileSync(go, ["build", "-o", client, "example.com/billing"], { env, stdio: "pipe" });

  const service = await startTestService();
  try {
    const { accessToken, user } = await service.signIn((await service.createUser()).username);
    const { stdout } = await promisify(execFile)(client, [accessToken, "no token"], {
      env: {
        CURFEW_TARGET: service.target,
        CURFEW_SERVICE_KEY: await service.createServiceKey("validate"),
      },
    });
    expect(stdout).toBe(`OK ${user?.username}\nUnauthenticated ACCESS_TOKEN_INVALID\n`);
  } finally {
    await service.stop();
  }
});

test("Go stubs are made without a package for each file: the proto has one", {
  timeout: 300_000,
}, () => {
  const found = () => findExecutable(["protoc-gen-go"]);
  findOrInstall(
    "protoc-gen-go",
    found,
    ["protoc-gen-go-1-5"],
    "install it (Debian: apt-get install protoc-gen-go-1-5).",
  );
  const out = makePrivateFolder("go-stubs");
  const template = { version: "v2", plugins: [{ local: "protoc-gen-go", out }] };
  execFileSync(
    join(ROOT, "node_modules/.bin/buf"),
    ["generate", "--template", JSON.stringify(template), "--path", "proto/curfew"],
    { cwd: ROOT, stdio: "pipe" },
  );
  const stub = readFileSync(join(out, "curfew/v1/auth_service.pb.go"), "utf8");
  expect(stub).toMatch(/^package curfewv1$/m);
  expect(existsSync(join(out, "curfew/options/v1/options.pb.go"))).toBe(true);
});

test("the Java snippet compiles with stubs from the proto", { timeout: 600_000 }, () => {
  const { javac, protoc, grpcPlugin, jars } = findJava();
  const folder = makePrivateFolder("java");
  execFileSync(protoc, [
    ...PROTO_PATHS,
    `--plugin=protoc-gen-grpc-java=${grpcPlugin}`,
    `--java_out=${folder}`,
    `--grpc-java_out=${folder}`,
    ...PROTO_FILES,
  ]);
  const compile = (text: string): void => {
    const file = join(folder, "Sessions.java");
    writeFileSync(file, text);
    const path = ["-cp", jars.join(":"), "-sourcepath", folder, "-d", folder];
    execFileSync(javac, ["-proc:none", "-nowarn", ...path, file], { stdio: "pipe" });
  };
  compile(textIn("java"));
  expect(() => compile(textIn("java").replace(".setAccessToken(", ".setToken("))).toThrow(
    /cannot find symbol/,
  );
});
