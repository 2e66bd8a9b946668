import type { UserStore } from "../core/ports/user_store.js";
import { type Database, run } from "./database.js";
import { accountFromRow, isUuid, type UserRow, userFromRow } from "./rows.js";

export const postgresUserStore = (database: Database): UserStore => {
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
      const row = await run(users().where("username_folded", usernameFolded).first());
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
