// Writes the documents that are made from the code: docs/api.md from the proto files, and
// docs/configuration.md and .env.example from the settings' schema. A test compares them.
//
//   node --import tsx scripts/docs.ts
import { writeFileSync } from "node:fs";
import { renderEnvironmentExample } from "../src/config/settings_documents.js";
import { readDescriptors } from "../src/rpc/descriptors.js";
import { renderApiReference } from "./api_reference.js";
import { renderConfiguration } from "./docs_configuration.js";

const root = new URL("../", import.meta.url);

writeFileSync(new URL("docs/api.md", root), renderApiReference(readDescriptors()));
writeFileSync(new URL("docs/configuration.md", root), renderConfiguration());
writeFileSync(new URL(".env.example", root), renderEnvironmentExample());
