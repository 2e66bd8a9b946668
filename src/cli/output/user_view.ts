import type { User } from "../../../generated/curfew/v1/user.js";
import { instant } from "./printable.js";
import { renderTable } from "./table.js";

/** A user as JSON. */
export const userDocument = (user: User) => ({
  user_id: user.userId,
  username: user.username,
  display_name: user.displayName,
  roles: user.roles,
  is_active: user.isActive,
  created_at: user.createdAt,
});

/** Users as a table. */
export const userTable = (users: readonly User[]): string =>
  renderTable(
    ["USER", "USERNAME", "DISPLAY NAME", "ROLES", "ACTIVE", "CREATED"],
    users.map((user) => [
      user.userId,
      user.username,
      user.displayName,
      user.roles.join(","),
      user.isActive ? "yes" : "no",
      instant(user.createdAt),
    ]),
  );
