import { describe, expect, test } from "vitest";
import { foldUsername, type User } from "../../src/core/user.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import { postgresUserStore } from "../../src/postgres/user_store.js";
import { addUser, newAccount, newId } from "./samples.js";
import type { Engine } from "./truth.js";
import { useDatabases } from "./use_databases.js";

/** What every store of users must do. */
export const describeUserStore = (engine: Engine): void => {
  describe(`user store on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const stores = () => ({
      sessions: postgresSessionStore(databases()[0]),
      users: postgresUserStore(databases()[1]),
    });

    test("a user is found by id, without the password's hash, and an account with it", async () => {
      const { sessions, users } = stores();
      const account = await addUser(sessions, { username: "Ada", roles: ["admin"] });
      const { passwordHash: _, ...user } = account;
      expect(await users.get(account.id)).toEqual(user);
      expect(await users.getAccount(account.id)).toEqual(account);
      expect(await users.findByUsername("ada")).toEqual(account);
    });

    test.each(["", "nobody", "00000000-0000-7000-8000-000000000000", "' OR true --"])(
      "an unknown user is undefined, whatever the id looks like: %j",
      async (id) => {
        const { users } = stores();
        expect(await users.get(id)).toBeUndefined();
        expect(await users.getAccount(id)).toBeUndefined();
        expect(await users.findByUsername(id)).toBeUndefined();
      },
    );

    test("usernames are found by their folded form only, to the letter", async () => {
      const { sessions, users } = stores();
      const account = await addUser(sessions, { username: "Straße_%" });
      expect((await users.findByUsername("straße_%"))?.id).toBe(account.id);
      for (const other of ["Straße_%", "straße__", "strasse_%", "straße"])
        expect(await users.findByUsername(other)).toBeUndefined();
    });

    test("all users come page by page, each once, in an order that pages keep", async () => {
      const { sessions, users } = stores();
      const names = ["zoe", "Ada", "émile", "ada2", "Ångström", "a-b", "a_b", "李", "Bob"];
      for (const username of names) await addUser(sessions, { username });
      const found: User[] = [];
      for (let page: User[] = []; ; ) {
        const last = found.at(-1);
        page = await users.list(last && foldUsername(last.username), 2);
        found.push(...page);
        if (page.length < 2) break;
      }
      expect(found.map(({ username }) => username).sort()).toEqual(names.toSorted());
      expect(await users.list(undefined, 100)).toEqual(found);
      expect(Object.keys(found[0] ?? {})).not.toContain("passwordHash");
    });

    test("is empty until the first user", async () => {
      const { sessions, users } = stores();
      expect(await users.isEmpty()).toBe(true);
      const { id } = await addUser(sessions);
      expect(await users.isEmpty()).toBe(false);
      await sessions.transaction((tx) => tx.deleteUser(id));
      expect(await users.isEmpty()).toBe(true);
    });

    test("one user id is one user: inserting it again is a defect, not a second user", async () => {
      const { sessions } = stores();
      const account = await addUser(sessions, { id: newId() });
      const again = sessions.transaction((tx) =>
        tx.insertUser(newAccount({ id: account.id, username: "other" }), "other"),
      );
      await expect(again).rejects.toMatchObject({ code: "23505" });
    });
  });
};
