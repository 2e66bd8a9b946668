import { isRole, ROLE_SPELLING } from "./role.js";

/** A user of another system, as read from a file. */
export interface ImportedUser {
  readonly username: string;
  /** argon2, bcrypt, PBKDF2 or scrypt, in one of their encodings. */
  readonly passwordHash: string;
  readonly displayName: string;
  readonly roles: readonly string[];
  readonly isActive: boolean;
}

/** Bounds of `curfew.v1.CreateUserRequest`, in characters. */
const MAX_NAME = 254;
const MAX_ROLES = 64;
const MAX_ROLE = 64;
const MAX_HASH = 1024;
const CONTROL = /[\p{Cc}\p{Cs}]/u;

const nameProblem = (field: string, name: string): string | undefined => {
  if ([...name].length > MAX_NAME) return `${field} has more than ${MAX_NAME} characters`;
  return CONTROL.test(name) ? `${field} has control characters` : undefined;
};

const rolesProblem = (roles: readonly string[]): string | undefined => {
  if (roles.length > MAX_ROLES) return `there are more than ${MAX_ROLES} roles`;
  const bad = roles.find((role) => role.length > MAX_ROLE || !isRole(role));
  if (bad === undefined) return undefined;
  return `the role ${JSON.stringify(bad.slice(0, MAX_ROLE))} ${isRole(bad) ? "is too long" : ROLE_SPELLING}`;
};

/** Returns what is wrong with a user to import, apart from the hash, or undefined. */
export const importProblem = (user: ImportedUser): string | undefined => {
  if (user.username.normalize("NFKC").trim() === "") return "username is empty";
  if (user.passwordHash === "") return "password_hash is empty";
  if (user.passwordHash.length > MAX_HASH)
    return `password_hash has more than ${MAX_HASH} characters`;
  return (
    nameProblem("username", user.username) ??
    nameProblem("display_name", user.displayName) ??
    rolesProblem(user.roles)
  );
};
