import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDocument } from "../docs/document.js";
import {
  type ConsumerStage,
  consumersIn,
  expectedVerdicts,
  judgeTokens,
  startConsumerStage,
} from "./consumer_stage.js";

const CONSUMERS = consumersIn("js");
const RUNNER = fileURLToPath(new URL("node_consumer.mjs", import.meta.url));

let stage: ConsumerStage;
let verdicts: Record<string, unknown>;
const fileOf = (index: number): string => join(stage.folder, `consumer_${index}.mjs`);

beforeAll(async () => {
  stage = await startConsumerStage();
  CONSUMERS.forEach(([, text], index) => {
    writeFileSync(fileOf(index), text);
  });
  const files = CONSUMERS.map((_consumer, index) => fileOf(index));
  verdicts = (await judgeTokens(stage, process.execPath, [RUNNER, ...files])) as typeof verdicts;
}, 240_000);
afterAll(() => stage?.stop());

test.each(CONSUMERS.map(([name], index) => [name, index] as const))(
  "%s accepts our tokens, and no other",
  (_name, index) => {
    expect(verdicts[fileOf(index)]).toEqual(expectedVerdicts(stage));
  },
);

test("the table tells the versions that were tested", () => {
  const root = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  const versions: Record<string, string> = { ...root.dependencies, ...root.devDependencies };
  const rows = readDocument("integrations/consumers.md").matchAll(
    /^\| \[([^\]]+)\][^|]+\| ([^|]+) \|/gm,
  );
  const table = Object.fromEntries([...rows].map(([, name, tested]) => [name, tested]));
  for (const [name] of CONSUMERS) {
    const tested = name.split(" with ").map((part) => versions[part]);
    expect([name, table[name]]).toEqual([name, tested.join(", ")]);
  }
});
