import { describe, expect, test } from "vitest";
import { foldUsername } from "../../src/core/users/user.js";
import { postgresUserIntake } from "../../src/postgres/user_intake.js";
import { postgresUserStore } from "../../src/postgres/user_store.js";
import type { Engine } from "./primary_store.js";
import { newAccount, newId } from "./samples.js";
import { useDatabases } from "./use_databases.js";

/** What every intake of users must do. */
export const describeUserIntake = (engine: Engine): void => {
  describe(`user intake on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const stage = () => {
      const [first, second] = databases();
      return {
        database: first,
        intake: postgresUserIntake(first),
        other: postgresUserIntake(second),
        users: postgresUserStore(first),
      };
    };

    test("every field arrives as it was given, whatever its text", async () => {
      const { intake, users } = stage();
      const odd = newAccount({
        username: 'O\'Brien "Ünï" \\ {x}',
        displayName: "'; DROP TABLE users; --",
        roles: ["admin", "a:b/c"],
        isActive: false,
      });
      const plain = newAccount({ roles: [] });
      expect(await intake.insert([odd, plain], "system")).toEqual(new Set([odd.id, plain.id]));
      expect(await users.getAccount(odd.id)).toEqual(odd);
      expect(await users.getAccount(plain.id)).toEqual(plain);
    });

    test("who is there already stays as they are, and the others come in", async () => {
      const { intake, users } = stage();
      const first = newAccount({ username: `Ann-${newId()}` });
      await intake.insert([first], "system");
      const again = newAccount({ username: first.username.toUpperCase(), passwordHash: "other" });
      const fresh = newAccount();
      expect(await intake.insert([again, fresh], "system")).toEqual(new Set([fresh.id]));
      expect(await users.findByUsername(foldUsername(first.username))).toEqual(first);
      expect(await users.get(again.id)).toBeUndefined();
    });

    test("of two with one name in a batch the first is taken in", async () => {
      const { intake } = stage();
      const [one, two] = [newAccount({ username: "Twin" }), newAccount({ username: "twin" })];
      expect(await intake.insert([one, two], "system")).toEqual(new Set([one.id]));
      expect(await intake.taken(["twin", "nobody", "'"])).toEqual(new Set(["twin"]));
    });

    test("two who bring the same users at once make each once", async () => {
      const { intake, other } = stage();
      const batch = Array.from({ length: 50 }, () => newAccount());
      const same = batch.map((account) => ({ ...account, id: newId() })).reverse();
      const made = await Promise.all([
        intake.insert(batch, "system"),
        other.insert(same, "system"),
      ]);
      expect(made[0].size + made[1].size).toBe(50);
    });

    test("D7: each user who comes in is told of once, and nobody else", async () => {
      const { database, intake } = stage();
      const [made, repeated] = [newAccount({ roles: ["reader", "admin"] }), newAccount()];
      await intake.insert([repeated], "system");
      await intake.insert([made, { ...repeated, id: newId() }], "system");
      const events = await database("audit_events")
        .whereIn("user_id", [made.id, repeated.id])
        .orderBy("event_id")
        .select("type", "user_id", "actor", "metadata");
      expect(events).toEqual([
        {
          type: "USER_CREATED",
          user_id: repeated.id,
          actor: "system",
          metadata: { roles: "reader", imported: "true" },
        },
        {
          type: "USER_CREATED",
          user_id: made.id,
          actor: "system",
          metadata: { roles: "reader admin", imported: "true" },
        },
      ]);
    });

    test("no accounts are no work", async () => {
      const { intake } = stage();
      expect(await intake.insert([], "system")).toEqual(new Set());
    });
  });
};
