import type { Settings } from "../config/settings.js";
import type { PrimaryStore } from "./stores.js";

/**
 * Makes sure that a command finds the tables it needs: brings the schema up to
 * date where a start would, else rejects with what to do. Resolves to the
 * migrations that this call applied.
 *
 * @param onWait receives a sentence about the other process that migrates, as long as this one waits for it
 */
export const readySchema = async (
  { autoMigrate, embedded }: Pick<Settings, "autoMigrate" | "embedded">,
  primaryStore: Pick<PrimaryStore, "migrateUp" | "migrationStatus">,
  onWait: (sentence: string) => void = () => undefined,
): Promise<readonly string[]> => {
  if (autoMigrate || embedded) return primaryStore.migrateUp(onWait);
  const { pending } = await primaryStore.migrationStatus();
  if (pending.length === 0) return [];
  throw new Error(
    `the database lacks ${pending.length} migration(s) (${pending.join(", ")}): run \`curfew migrate up\`, or set AUTO_MIGRATE=true`,
  );
};
