import type { UnreadableUser } from "../../core/users/import_users.js";
import type { ImportedUser } from "../../core/users/imported_user.js";

/** The fields of a user that a file may hold, under the names of the proto. */
export const USER_FIELDS = [
  "username",
  "password_hash",
  "display_name",
  "roles",
  "is_active",
] as const;
export type UserField = (typeof USER_FIELDS)[number];

/** Fields that a file cannot do without. */
export const NEEDED_FIELDS: readonly UserField[] = ["username", "password_hash"];

export const isUserField = (name: string): name is UserField =>
  USER_FIELDS.some((field) => field === name);

/** Why a name is not taken, and what to do. */
export const unknownField = (name: string): string =>
  name === "password"
    ? "password: passwords in clear are not taken, only their hashes, as password_hash"
    : `${JSON.stringify(name.slice(0, 64))} is not one of ${USER_FIELDS.join(", ")}: leave it out, or add --ignore-unknown`;

const YES = new Set(["", "true", "t", "yes", "1"]);
const NO = new Set(["false", "f", "no", "0"]);

/** The name in a JSON object that is refused, so that its row can be found again. */
export const usernameIn = (document: object): string | undefined =>
  "username" in document && typeof document.username === "string" ? document.username : undefined;

/** The user that texts say; a sentence when they do not say one. */
export const userFromTexts = (
  texts: Readonly<Partial<Record<UserField, string>>>,
): ImportedUser | UnreadableUser => {
  const active = (texts.is_active ?? "").trim().toLowerCase();
  if (!YES.has(active) && !NO.has(active))
    return { problem: "is_active is neither true nor false", username: texts.username };
  return {
    username: texts.username ?? "",
    passwordHash: (texts.password_hash ?? "").trim(),
    displayName: (texts.display_name ?? "").trim(),
    roles: (texts.roles ?? "").split(/[\s,;|]+/).filter((role) => role !== ""),
    isActive: YES.has(active),
  };
};
