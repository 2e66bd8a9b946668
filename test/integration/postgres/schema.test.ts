import { expect, onTestFinished, test } from "vitest";
import { createDatabase } from "../../support/postgres.js";
import { dumpSchema } from "./schema_dump.js";

test("generated/schema.sql is the schema that the migrations make", async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const schema = await dumpSchema(url);
  for (const table of ["users", "sessions", "replicas", "keys", "audit_events"])
    expect(schema).toContain(`CREATE TABLE ${table} (`);
  await expect(schema).toMatchFileSnapshot("../../../generated/schema.sql");
});
