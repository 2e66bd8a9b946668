import { randomInt } from "node:crypto";
import type { Settings } from "../config/settings.js";

/** No sign that a shell, an option or a double click treats otherwise, and no letters that look alike. */
const PASSWORD_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/** Of 57 letters: 140 bits. */
const PASSWORD_LENGTH = 24;

/** A random password that cannot be guessed. */
export const inventPassword = (): string =>
  Array.from(
    { length: PASSWORD_LENGTH },
    () => PASSWORD_LETTERS[randomInt(PASSWORD_LETTERS.length)],
  ).join("");

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
  const password = inventPassword();
  return (await bootstrap("admin", password)) ? password : undefined;
};
