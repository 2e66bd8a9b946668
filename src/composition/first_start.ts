import { randomBytes } from "node:crypto";
import type { Settings } from "../config/settings.js";
import type { AuditLog } from "../core/ports/audit_log.js";
import type { Logger } from "../telemetry/logger.js";

const RESTORED_AT_ONCE = 1000;

/** After a restore, events get places that the order of this database goes on from. */
export const adoptRestoredEvents = async (audit: AuditLog, logger: Logger): Promise<void> => {
  let adopted = 0;
  for (let some = RESTORED_AT_ONCE; some === RESTORED_AT_ONCE; adopted += some)
    some = await audit.adoptRestored(RESTORED_AT_ONCE);
  if (adopted > 0) logger.info({ events: adopted }, "security events of a backup were taken over");
};

/** Resolves to a password that was made up for the first administrator of an embedded service. */
export const firstAdministrator = async (
  { bootstrapAdminUsername, bootstrapAdminPassword, embedded }: Settings,
  bootstrap: (username: string, password: string) => Promise<boolean>,
): Promise<string | undefined> => {
  if (bootstrapAdminUsername !== undefined && bootstrapAdminPassword !== undefined) {
    await bootstrap(bootstrapAdminUsername, bootstrapAdminPassword);
    return undefined;
  }
  if (!embedded) return undefined;
  const password = randomBytes(18).toString("base64url");
  return (await bootstrap("admin", password)) ? password : undefined;
};
