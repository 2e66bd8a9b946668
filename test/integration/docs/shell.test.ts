import { afterAll, beforeAll, expect, test } from "vitest";
import { readDocument, snippetsOf } from "./document.js";
import { type DocumentedService, startDocumentedService } from "./documented_service.js";

/** In reading order: the first document starts the service. */
const DOCUMENTS = [
  "getting-started.md",
  "backends.md",
  "browsers.md",
  "migration.md",
  "bring-your-own-login.md",
  "operations.md",
  "troubleshooting.md",
];

let service: DocumentedService;
beforeAll(async () => {
  const start = snippetsOf(readDocument("getting-started.md")).find(
    ({ note }) => note === "background",
  );
  service = await startDocumentedService(start?.text ?? "");
}, 120_000);
afterAll(() => service?.stop());

test.each(DOCUMENTS)("the commands of %s do what it says", { timeout: 300_000 }, async (name) => {
  const outcomes = await service.runShell(snippetsOf(readDocument(name)));
  expect(outcomes.length).toBeGreaterThan(0);
  for (const { snippet, output, expected } of outcomes) {
    const place = `${name}:${snippet.line}`;
    if (expected !== undefined) expect(output.trimStart(), place).toMatch(expected);
    expect(output, place).not.toMatch(/^curfew: (?!warning)|command not found|"status":5\d\d/m);
  }
});
