import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findOrInstall } from "../../support/debian_packages.js";
import { findGo, goEnvironment } from "../../support/go.js";
import {
  type ConsumerStage,
  consumersIn,
  expectedVerdicts,
  judgeTokens,
  startConsumerStage,
} from "./consumer_stage.js";

const PACKAGES = [
  "golang-go",
  "golang-github-coreos-go-oidc-dev",
  "golang-github-golang-jwt-jwt-dev",
  "golang-gopkg-square-go-jose.v2-dev",
];
const LIBRARIES = [
  "github.com/coreos/go-oidc",
  "github.com/golang-jwt/jwt",
  "gopkg.in/square/go-jose.v2",
];

let stage: ConsumerStage;
let go: string;
beforeAll(async () => {
  const instead = `install them (Debian: apt-get install ${PACKAGES.join(" ")}).`;
  go = findOrInstall("Go with go-oidc and golang-jwt", () => findGo(LIBRARIES), PACKAGES, instead);
  stage = await startConsumerStage();
}, 600_000);
afterAll(() => stage?.stop());

test.each(consumersIn("go"))(
  "%s accepts our tokens, and no other",
  { timeout: 600_000 },
  async (name, text) => {
    const folder = join(stage.folder, name.replaceAll(/\W/g, "_"));
    mkdirSync(folder);
    const files = [join(folder, "consumer.go"), join(folder, "main.go")] as const;
    writeFileSync(files[0], text);
    copyFileSync(join(import.meta.dirname, "go_consumer.go"), files[1]);
    const program = join(folder, "consumer");
    const env = goEnvironment(stage.folder);
    execFileSync(go, ["build", "-o", program, ...files], { env, stdio: "pipe" });
    expect(await judgeTokens(stage, program, [])).toEqual(expectedVerdicts(stage));
  },
);
