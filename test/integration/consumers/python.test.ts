import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findOrInstall } from "../../support/debian_packages.js";
import {
  type ConsumerStage,
  consumersIn,
  expectedVerdicts,
  judgeTokens,
  startConsumerStage,
} from "./consumer_stage.js";

const PYTHON = "/usr/bin/python3";
const PACKAGES = ["python3", "python3-jwt", "python3-authlib", "python3-cryptography"];

const findConsumers = (): string | undefined => {
  try {
    execFileSync(PYTHON, ["-c", "import jwt, authlib.jose, cryptography"], { stdio: "ignore" });
    return PYTHON;
  } catch {
    return undefined;
  }
};

let stage: ConsumerStage;
let python: string;
beforeAll(async () => {
  const instead = `install them (Debian: apt-get install ${PACKAGES.join(" ")}).`;
  python = findOrInstall("Python with PyJWT and Authlib", findConsumers, PACKAGES, instead);
  stage = await startConsumerStage();
}, 300_000);
afterAll(() => stage?.stop());

test.each(consumersIn("python"))(
  "%s accepts our tokens, and no other",
  { timeout: 120_000 },
  async (name, text) => {
    const folder = join(stage.folder, name.replaceAll(/\W/g, "_"));
    mkdirSync(folder);
    writeFileSync(join(folder, "consumer.py"), text);
    const runner = join(folder, "run.py");
    copyFileSync(join(import.meta.dirname, "python_consumer.py"), runner);
    expect(await judgeTokens(stage, python, [runner])).toEqual(expectedVerdicts(stage));
  },
);
