import { randomBytes } from "node:crypto";
import type { Settings } from "../config/settings.js";

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
