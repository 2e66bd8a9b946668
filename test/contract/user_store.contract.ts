import { describe, expect, test } from "vitest";
import type { UserStore } from "../../src/core/ports/user_store.js";
import type { User } from "../../src/core/users/user.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import { postgresUserStore } from "../../src/postgres/user_store.js";
import { HOSTILE_NAMES } from "../support/hostile_names.js";
import type { Engine } from "./primary_store.js";
import { addUser, newAccount, newId } from "./samples.js";
import { useDatabases } from "./use_databases.js";

/** All users, page by page; more pages than users are one without an end. */
const listAll = async (users: UserStore, limit: number): Promise<User[]> => {
  const found: User[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < 100; pages++) {
    const page = await users.list(after, limit);
    found.push(...page.users);
    expect(page.next?.length ?? 0).toBeLessThan(200);
    after = page.next;
    if (after === undefined) return found;
  }
  throw new Error("The list does not end.");
};

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
      for (const username of [...names, ...HOSTILE_NAMES]) await addUser(sessions, { username });
      const found = await listAll(users, 2);
      expect(found.map(({ username }) => username).sort()).toEqual(
        [...names, ...HOSTILE_NAMES].sort(),
      );
      expect(await users.list(undefined, 100)).toEqual({ users: found, next: undefined });
      expect(Object.keys(found[0] ?? {})).not.toContain("passwordHash");
    });

    test("a page goes on where the last user was, also after that user was deleted", async () => {
      const { sessions, users } = stores();
      const long = "same start ".repeat(8);
      for (const username of ["a", "b", "c", `${long}1`, `${long}2`, `${long}3`])
        await addUser(sessions, { username });
      const seen = new Set<string>();
      let after: string | undefined;
      do {
        const page = await users.list(after, 1);
        for (const { id, username } of page.users) {
          seen.add(username);
          await sessions.transaction((tx) => tx.deleteUser(id));
        }
        after = page.next;
      } while (after !== undefined);
      expect(seen.size).toBe(6);
    });

    test("a stored form that is not today's ends the list all the same", async () => {
      const { sessions, users } = stores();
      for (const username of ["ada", "bob", "cleo"])
        await sessions.transaction((tx) =>
          tx.insertUser(newAccount({ username }), `\u{1F1FF} ${username.toUpperCase()}`),
        );
      expect((await listAll(users, 1)).map(({ username }) => username)).toEqual([
        "ada",
        "bob",
        "cleo",
      ]);
    });

    test.each(["", " ", "x", "no id", `${"f".repeat(36)} zz`])(
      "a cursor of a stranger's making gives some page: %j",
      async (cursor) => {
        const { sessions, users } = stores();
        await addUser(sessions, { username: "ada" });
        expect((await users.list(cursor, 10)).users.length).toBeLessThan(2);
      },
    );

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
