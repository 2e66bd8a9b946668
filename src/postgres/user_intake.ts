import type { UserIntake } from "../core/ports/user_intake.js";
import { type Account, foldUsername } from "../core/users/user.js";
import { type Database, run } from "./database.js";

export const postgresUserIntake = (database: Database): UserIntake => ({
  async insert(accounts, actor) {
    // In one order, so that two who bring the same users wait for each other and never both.
    const rows = JSON.stringify(accounts.map(rowOf).sort(byName));
    const inserted = await run<{ rows: { user_id: string }[] }>(
      database.raw(INSERT_USERS, [rows, actor]),
    );
    return new Set(inserted.rows.map((row) => row.user_id));
  },

  async taken(usernamesFolded) {
    const found = await run<{ rows: { username_folded: string }[] }>(
      database.raw("SELECT u.username_folded FROM users u WHERE u.username_folded = ANY(?)", [
        [...usernamesFolded],
      ]),
    );
    return new Set(found.rows.map((row) => row.username_folded));
  },
});

/** One statement, so that a user and the event of the user's creation are one transaction. */
const INSERT_USERS = `
  WITH added AS (
    INSERT INTO users (user_id, username, username_folded, display_name, roles, is_active,
      password_hash, created_at)
    SELECT given.user_id, given.username, given.username_folded, given.display_name, given.roles,
      given.is_active, given.password_hash, given.created_at
    FROM jsonb_to_recordset(?::jsonb) AS given(user_id uuid, username text,
      username_folded text, display_name text, roles text[], is_active boolean,
      password_hash text, created_at timestamptz)
    ON CONFLICT (username_folded) DO NOTHING
    RETURNING user_id, roles, created_at
  ),
  told AS (
    INSERT INTO audit_events (at, type, user_id, actor, metadata)
    SELECT added.created_at, 'USER_CREATED', added.user_id, ?,
      jsonb_build_object('roles', array_to_string(added.roles, ' '), 'imported', 'true')
    FROM added ORDER BY added.user_id
  )
  SELECT added.user_id FROM added`;

const rowOf = (account: Account) => ({
  user_id: account.id,
  username: account.username,
  username_folded: foldUsername(account.username),
  display_name: account.displayName,
  roles: account.roles,
  is_active: account.isActive,
  password_hash: account.passwordHash,
  created_at: new Date(account.createdAt),
});

type Row = ReturnType<typeof rowOf>;
const byName = ({ username_folded: left }: Row, { username_folded: right }: Row): number =>
  left < right ? -1 : Number(left > right);
