import type { UserStore } from "../core/ports/user_store.js";
import { type Database, run } from "./database.js";
import { accountFromRow, isUuid, USER_COLUMNS, type UserRow, userFromRow } from "./rows.js";
import { preparedRows } from "./statements.js";

const BY_USERNAME = `SELECT ${USER_COLUMNS} FROM users WHERE username_folded = ?`;

export const postgresUserStore = (database: Database): UserStore => {
  const rows = preparedRows(database);
  const users = () => database<UserRow & { username_folded: string }>("users");
  const byId = async (userId: string) =>
    isUuid(userId) ? run(users().where("user_id", userId).first()) : undefined;

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
      const query = users().orderBy("username_folded").limit(limit);
      if (after !== undefined) query.where("username_folded", ">", after);
      return (await run(query)).map(userFromRow);
    },
    async isEmpty() {
      return (await run(users().select("user_id").first())) === undefined;
    },
  };
};
