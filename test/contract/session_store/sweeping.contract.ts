import { expect, test } from "vitest";
import { addSession, addSessions, end, idsOf, NOW, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

/** How sweepers find what may have timed out. */
export const describeSweeping = (stores: () => SessionStores): void => {
  test("due are unended sessions whose check has come, soonest first", async () => {
    const { one } = stores();
    const later = await addSession(one, {}, NOW + 1);
    const due = await addSession(one, {}, NOW);
    const overdue = await addSession(one, {}, NOW - 1000);
    const over = await addSession(one, {}, NOW - 2000);
    await end(one, over.id);
    const lock = (now: number, limit: number) =>
      one.transaction(async (tx) => idsOf(await tx.lockDue(now, limit)));
    expect(await lock(NOW, 10)).toEqual(idsOf([overdue, due]));
    expect(await lock(NOW, 1)).toEqual([overdue.id]);
    expect(await lock(NOW + 1, 10)).toEqual(idsOf([overdue, due, later]));
  });

  test("open sessions are counted by user, in pages, in the order of the users' ids", async () => {
    const { one } = stores();
    const users: string[] = [];
    for (const count of [1, 3, 2]) {
      const sessions = await addSessions(one, count);
      users.push(sessions[0]?.userId ?? "");
    }
    const ended = await addSession(one);
    await end(one, ended.id);
    const found: { userId: string; open: number }[] = [];
    for (let after: string | undefined; ; after = found.at(-1)?.userId) {
      const page = await one.openSessionsByUser(after, 2);
      found.push(...page);
      if (page.length < 2) break;
    }
    const open = (userId: string) => found.find((user) => user.userId === userId)?.open;
    expect(users.map(open)).toEqual([1, 3, 2]);
    expect(open(ended.userId)).toBeUndefined();
    const ids = found.map(({ userId }) => userId);
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  test("a check that was put off comes when it was put off to", async () => {
    const { one } = stores();
    const [first, second] = await addSessions(one, 2, { createdAt: NOW - 3_600_000 });
    if (!first || !second) throw new Error("They are there.");
    await one.transaction(async (tx) => {
      await tx.postponeChecks([]);
      await tx.postponeChecks([
        { sessionId: first.id, nextCheckAt: NOW + 5 },
        { sessionId: newId(), nextCheckAt: NOW },
      ]);
      expect(idsOf(await tx.lockDue(NOW, 10))).toEqual([second.id]);
      expect(idsOf(await tx.lockDue(NOW + 5, 10))).toEqual(idsOf([second, first]));
    });
    expect(await one.get(first.id)).toEqual(first);
  });

  test("sweepers at work at the same time share what is due", async ({ skip }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const sessions = await addSessions(one, 6, { createdAt: NOW - 3_600_000 });
    await one.transaction(async (tx) => {
      const mine = await tx.lockDue(NOW, 4);
      const theirs = await two.transaction((other) => other.lockDue(NOW, 4));
      expect([...idsOf(mine), ...idsOf(theirs)]).toEqual(idsOf(sessions));
    });
  });
};
