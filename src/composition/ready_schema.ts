import type { Settings } from "../config/settings.js";
import type { Truth } from "./stores.js";

/**
 * Makes sure that a command finds the tables it needs: brings the schema up to
 * date where a start would, else rejects with what to do. Resolves to the
 * migrations that this call applied.
 */
export const readySchema = async (
  { autoMigrate, embedded }: Pick<Settings, "autoMigrate" | "embedded">,
  truth: Pick<Truth, "migrateUp" | "migrationStatus">,
): Promise<readonly string[]> => {
  if (autoMigrate || embedded) return truth.migrateUp();
  const { pending } = await truth.migrationStatus();
  if (pending.length === 0) return [];
  throw new Error(
    `the database lacks ${pending.length} migration(s) (${pending.join(", ")}): run \`curfew migrate up\`, or set AUTO_MIGRATE=true`,
  );
};
