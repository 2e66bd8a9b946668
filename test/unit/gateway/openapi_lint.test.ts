import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectral, { type RulesetDefinition } from "@stoplight/spectral-core";
import rulesets from "@stoplight/spectral-rulesets";
import { expect, test } from "vitest";
import { readBindings } from "../../../src/gateway/binding.js";
import { buildOpenApi } from "../../../src/gateway/openapi/document.js";

const descriptors = readFileSync(new URL("../../../generated/descriptors.binpb", import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const source = JSON.stringify(buildOpenApi(registry, readBindings(registry)));

const redocly = async (text: string): Promise<string[]> => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: text, config });
  return problems
    .filter(({ severity }) => severity === "error")
    .map(({ ruleId, location, message }) => `${ruleId} ${location[0]?.pointer ?? ""} ${message}`);
};

const ERROR = 0;

const lintBySpectral = async (text: string): Promise<string[]> => {
  const linter = new spectral.Spectral();
  // The types of the two packages disagree about the rules of Spectral itself.
  linter.setRuleset({ extends: [rulesets.oas] } as unknown as RulesetDefinition);
  const problems = await linter.run(JSON.parse(text));
  return problems
    .filter(({ severity }) => severity === ERROR)
    .map(({ code, path, message }) => `${code} ${path.join("/")} ${message}`);
};

test.each([
  ["Redocly", redocly],
  ["Spectral", lintBySpectral],
])(
  "%s finds no error in the OpenAPI document, and does in a broken one",
  { timeout: 120_000 },
  async (_name, lint) => {
    expect(await lint(source)).toEqual([]);
    const broken = source.replace('"in":"path"', '"in":"nowhere"');
    expect(await lint(broken)).not.toEqual([]);
  },
);
