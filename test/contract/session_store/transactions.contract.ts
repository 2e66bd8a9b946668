import { expect, test } from "vitest";
import { foldUsername } from "../../../src/core/users/user.js";
import {
  addSession,
  addSessions,
  addUser,
  end,
  idsOf,
  NOW,
  newAccount,
  newId,
} from "../samples.js";
import type { SessionStores } from "./fixture.js";

const MALFORMED = ["", "x", "00000000-0000-0000-0000-00000000000", "' OR true --", "\u0000"];

/** Transactions, and the locks and writes in them. */
export const describeTransactions = (stores: () => SessionStores): void => {
  test("what is returned is committed, and seen by every replica", async () => {
    const { one, two } = stores();
    const account = newAccount({ roles: ["admin", "a,b", 'c"d'] });
    const answer = await one.transaction(async (tx) => {
      await tx.insertUser(account, foldUsername(account.username));
      return "done";
    });
    expect(answer).toBe("done");
    expect(await two.transaction((tx) => tx.readUser(account.id))).toEqual(account);
  });

  test("what throws is undone, and thrown on as it is", async () => {
    const { one } = stores();
    const account = newAccount();
    const cause = new Error("of the caller's own");
    const failed = one.transaction(async (tx) => {
      await tx.insertUser(account, foldUsername(account.username));
      throw cause;
    });
    await expect(failed).rejects.toBe(cause);
    expect(await one.transaction((tx) => tx.readUser(account.id))).toBeUndefined();
  });

  test("of parallel inserts of one folded username exactly one is made", async () => {
    const { one, two } = stores();
    const accounts = Array.from({ length: 8 }, (_, i) =>
      newAccount({ username: i % 2 ? "Ada" : "ADA" }),
    );
    const outcomes = await Promise.all(
      accounts.map((account, i) =>
        (i % 2 ? one : two).transaction((tx) => tx.insertUser(account, "ada")),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "inserted")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "username_taken")).toHaveLength(7);
  });

  test("a patch of a user changes what it names and nothing else", async () => {
    const { one } = stores();
    const account = await addUser(one);
    const patch = { displayName: "Countess", roles: [], isActive: false, passwordHash: "new" };
    await one.transaction((tx) => tx.updateUser(account.id, {}));
    await one.transaction((tx) => tx.updateUser(account.id, { displayName: "Countess" }));
    expect(await one.transaction((tx) => tx.readUser(account.id))).toEqual({
      ...account,
      displayName: "Countess",
    });
    await one.transaction((tx) => tx.updateUser(account.id, patch));
    expect(await one.transaction((tx) => tx.readUser(account.id))).toEqual({
      ...account,
      ...patch,
    });
    await one.transaction((tx) => tx.deleteUser(account.id));
    expect(await one.transaction((tx) => tx.readUser(account.id))).toBeUndefined();
  });

  test("the lock of a user orders those who read it before they write", async () => {
    const { one, two } = stores();
    const account = await addUser(one, { displayName: "0" });
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? one : two).transaction(async (tx) => {
          const before = await tx.lockUser(account.id);
          await tx.updateUser(account.id, { displayName: String(Number(before?.displayName) + 1) });
        }),
      ),
    );
    const after = await one.transaction((tx) => tx.readUser(account.id));
    expect(after?.displayName).toBe("12");
  });

  test("R1: the lock of a session orders exchanges: none is lost", async () => {
    const { one, two } = stores();
    const session = await addSession(one);
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? one : two).transaction(async (tx) => {
          const before = await tx.lockSession(session.id);
          if (before === undefined) throw new Error("It is there.");
          const generation = before.refresh.generation + 1;
          await tx.updateSession(session.id, { refresh: { ...before.refresh, generation } });
        }),
      ),
    );
    expect((await two.get(session.id))?.refresh.generation).toBe(13);
  });

  test("a session comes back as it was put in, and a patch changes only what it names", async () => {
    const { one, two } = stores();
    const session = await addSession(one, { device: "Zoë's 📱 'x'", ip: "2001:db8::1" });
    expect(await two.get(session.id)).toEqual(session);
    await one.transaction((tx) => tx.updateSession(session.id, { jti: "another" }));
    expect(await two.get(session.id)).toEqual({ ...session, jti: "another" });
    const patch = {
      refresh: { generation: 9, rotatedAt: 1, previousRotatedAt: 2 },
      lastActivityAt: session.lastActivityAt + 5,
      accessExpiresAt: session.accessExpiresAt + 7,
    };
    await one.transaction((tx) => tx.updateSession(session.id, patch));
    expect(await two.get(session.id)).toEqual({ ...session, jti: "another", ...patch });
  });

  test("what few sessions have comes back as it was put in", async () => {
    const { one, two } = stores();
    const session = await addSession(one, {
      clientId: "mobile",
      amr: ["pwd", "otp"],
      authTime: NOW - 60_000,
      acr: "urn:example:gold",
      acrExpiresAt: NOW + 60_000,
      elevatedAmr: ["hwk"],
      idleTimeoutMs: 60_000,
      actor: { userId: newId(), sessionId: newId(), reason: "ticket 4711" },
    });
    expect(await two.get(session.id)).toEqual(session);
    const actor = { userId: newId(), sessionId: undefined, reason: "" };
    const simple = await addSession(one, { amr: [], actor });
    expect(await two.get(simple.id)).toEqual(simple);
  });

  test("a user may have no password", async () => {
    const { one } = stores();
    const account = await addUser(one, { passwordHash: undefined });
    expect(await one.transaction((tx) => tx.lockUser(account.id))).toEqual(account);
  });

  test("open sessions of a user are those that have not ended, by age", async () => {
    const { one } = stores();
    const sessions = await addSessions(one, 5);
    const stranger = await addSession(one);
    await end(one, sessions[2]?.id ?? "");
    const open = await one.transaction((tx) => tx.lockOpenSessionsOf(sessions[0]?.userId ?? ""));
    expect(idsOf(open)).toEqual(idsOf([0, 1, 3, 4].flatMap((i) => sessions[i] ?? [])));
    expect(idsOf(open)).not.toContain(stranger.id);
  });

  test.each(MALFORMED)("what is no id is the id of nothing: %j", async (id) => {
    const { one } = stores();
    const live = { now: 0, idleTimeoutMs: 1 };
    await one.transaction(async (tx) => {
      expect(await tx.lockUser(id)).toBeUndefined();
      expect(await tx.readUser(id)).toBeUndefined();
      expect(await tx.lockSession(id)).toBeUndefined();
      expect(await tx.lockOpenSessionsOf(id)).toEqual([]);
      expect(await tx.lockMatching({ userId: id }, live, 10, undefined)).toEqual([]);
      expect(await tx.forgetHot(id)).toEqual([]);
    });
    expect(await one.get(id)).toBeUndefined();
    expect(await one.sessionStatuses([id])).toEqual([undefined]);
    expect(await one.invalidatedAmong([id])).toEqual([]);
    expect(await one.touch([{ sessionId: id, at: 1 }])).toEqual([id]);
    expect(await one.pendingInvalidations({ limit: 10, userId: id })).toEqual([]);
    expect(await one.lastRevision(id)).toBe(0n);
    expect(await one.liveOf(id, live)).toEqual([]);
  });

  test("an unknown id is answered like that of nothing", async () => {
    const { one } = stores();
    const id = newId();
    await one.transaction(async (tx) => {
      expect(await tx.lockUser(id)).toBeUndefined();
      expect(await tx.lockSession(id)).toBeUndefined();
      await tx.updateUser(id, { displayName: "nobody" });
      await tx.updateSession(id, { jti: "none" });
      await tx.deleteUser(id);
    });
    expect(await one.get(id)).toBeUndefined();
    expect(await end(one, id)).toBeUndefined();
  });
};
