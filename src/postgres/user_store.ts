import type { UserStore } from "../core/ports/user_store.js";
import type { ExternalIdentity } from "../core/users/user.js";
import type { Database } from "./database.js";
import { accountFromRow, isUuid, type UserRow, userColumns, userFromRow } from "./rows.js";
import { preparedRows } from "./statements.js";

const USER = userColumns("u");
const BY_USERNAME = `SELECT ${USER} FROM users u WHERE u.username_folded = ?`;
const BY_ID = `SELECT ${USER} FROM users u WHERE u.user_id = ?`;

const IDENTITIES_OF = `
  SELECT i.user_id, i.issuer, i.subject FROM identities i WHERE i.user_id = ANY(?::uuid[])
  ORDER BY i.user_id, i.created_at, i.issuer, i.subject`;

/**
 * The start of a name that a cursor carries, in characters: so many that it
 * stays well within the bound of a page token, in any script.
 */
const PREFIX_LENGTH = 40;

interface ListedRow extends UserRow {
  readonly prefix: string;
}

const PAGE = `SELECT ${USER}, left(u.username_folded, ?) AS prefix FROM users u`;
const FIRST_PAGE = `${PAGE} ORDER BY u.username_folded LIMIT ?`;

/**
 * A page continues after the stored name of the last user. If that user is gone, it continues after the start of the
 * name: no user is left out, but users with very long names may be repeated.
 */
const NEXT_PAGE = `${PAGE}
  WHERE u.username_folded > coalesce(
    (SELECT l.username_folded FROM users l WHERE l.user_id = ?::uuid), ?)
  ORDER BY u.username_folded LIMIT ?`;

/** The user and the start of the name in a cursor; an altered cursor names no user, and starts where its text says. */
const placeOf = (cursor: string): [string | null, string] => {
  const userId = cursor.slice(0, 36);
  return [isUuid(userId) ? userId : null, cursor.slice(37)];
};

export const postgresUserStore = (database: Database): UserStore => {
  const rows = preparedRows(database);
  const byId = async (userId: string) =>
    isUuid(userId) ? (await rows<UserRow>(BY_ID, [userId]))[0] : undefined;

  return {
    async get(userId) {
      const row = await byId(userId);
      return row && userFromRow(row);
    },
    async getAccount(userId) {
      const row = await byId(userId);
      return row && accountFromRow(row);
    },
    async findByUsername(usernameFolded) {
      const [row] = await rows<UserRow>(BY_USERNAME, [usernameFolded]);
      return row && accountFromRow(row);
    },
    async list(after, limit) {
      const found =
        after === undefined
          ? await rows<ListedRow>(FIRST_PAGE, [PREFIX_LENGTH, limit + 1])
          : await rows<ListedRow>(NEXT_PAGE, [PREFIX_LENGTH, ...placeOf(after), limit + 1]);
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return {
        users: page.map(userFromRow),
        next: last && `${last.user_id} ${last.prefix}`,
      };
    },
    async identitiesOf(userIds) {
      const found = await rows<ExternalIdentity & { user_id: string }>(IDENTITIES_OF, [
        userIds.filter(isUuid),
      ]);
      const byUser = new Map<string, ExternalIdentity[]>();
      for (const { user_id, issuer, subject } of found)
        byUser.set(user_id, [...(byUser.get(user_id) ?? []), { issuer, subject }]);
      return byUser;
    },
    async isEmpty() {
      return (await rows("SELECT 1 FROM users LIMIT 1", [])).length === 0;
    },
  };
};
