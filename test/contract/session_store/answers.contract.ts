import { expect, test } from "vitest";
import { addSession, addSessions, end, idsOf, NOW, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

const UNANSWERED = {
  refresh: {
    generation: 3,
    rotatedAt: NOW,
    previousRotatedAt: NOW - 5000,
    isUnanswered: true,
  },
};
const ANSWERED_AT = NOW + 2000;
const ANSWERED = { generation: 3, rotatedAt: ANSWERED_AT, previousRotatedAt: NOW - 5000 };

/** Notes of refresh tokens that were sent to their callers (O3). */
export const describeAnswers = (stores: () => SessionStores): void => {
  test("O3 a session keeps whether its newest refresh token was sent", async () => {
    const { one, two } = stores();
    const session = await addSession(one, UNANSWERED);
    expect(await two.get(session.id)).toEqual(session);
    const next = { generation: 4, rotatedAt: NOW + 1, previousRotatedAt: NOW };
    await one.transaction((tx) => tx.updateSession(session.id, { refresh: next }));
    expect(await two.get(session.id)).toEqual({ ...session, refresh: next });
  });

  test("R4 the first answer sets the time from which the generation before runs, and no later one", async () => {
    const { one, two } = stores();
    const session = await addSession(one, UNANSWERED);
    const answer = { sessionId: session.id, generation: 3, at: ANSWERED_AT };
    expect(await one.markAnswered([answer])).toEqual([session.id]);
    expect(await two.get(session.id)).toEqual({ ...session, refresh: ANSWERED });
    const later = { ...answer, at: ANSWERED_AT + 1000 };
    expect(await two.markAnswered([later])).toEqual([session.id]);
    expect((await one.get(session.id))?.refresh).toEqual(ANSWERED);
  });

  test("an answer of another generation, of an ended or of no session changes nothing and is done with", async () => {
    const { one } = stores();
    const [live, gone] = await addSessions(one, 2, UNANSWERED);
    if (!live || !gone) throw new Error("They are there.");
    const ended = await end(one, gone.id);
    const answers = [
      { sessionId: live.id, generation: 2, at: ANSWERED_AT },
      { sessionId: gone.id, generation: 3, at: ANSWERED_AT },
      { sessionId: newId(), generation: 1, at: ANSWERED_AT },
    ];
    const done = await one.markAnswered(answers);
    expect(new Set(done)).toEqual(new Set(answers.map(({ sessionId }) => sessionId)));
    expect(await one.get(live.id)).toEqual(live);
    expect(await one.get(gone.id)).toEqual(ended);
    expect(await one.markAnswered([])).toEqual([]);
  });

  test("a mark that a replica of the version before left behind does not count", async () => {
    const { one, databases } = stores();
    const session = await addSession(one, UNANSWERED);
    await databases[0]("sessions").update({ refresh_generation: 4 });
    expect((await one.get(session.id))?.refresh).toEqual({
      ...UNANSWERED.refresh,
      generation: 4,
      isUnanswered: undefined,
    });
  });

  test("sessions that a transaction holds are left for the next flush, which nobody waits for", async ({
    skip,
  }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const [held, free] = await addSessions(one, 2, UNANSWERED);
    if (!held || !free) throw new Error("They are there.");
    const answers = [held, free].map(({ id }) => ({
      sessionId: id,
      generation: 3,
      at: ANSWERED_AT,
    }));
    await one.transaction(async (tx) => {
      await tx.lockSession(held.id);
      expect(await two.markAnswered(answers)).toEqual([free.id]);
    });
    expect((await one.get(held.id))?.refresh).toEqual(held.refresh);
    expect(new Set(await two.markAnswered(answers))).toEqual(new Set([held.id, free.id]));
    expect((await one.get(held.id))?.refresh).toEqual(ANSWERED);
  });

  test("N4 sessions that nobody was told of are found by their age, page by page", async () => {
    const { one } = stores();
    const login = { generation: 1, rotatedAt: NOW, previousRotatedAt: NOW, isUnanswered: true };
    const lost = await addSessions(one, 5, { refresh: login });
    await addSession(one, { refresh: { ...login, isUnanswered: false } });
    await addSession(one, { refresh: { ...login, generation: 2 } });
    await addSession(one, { refresh: login, lastActivityAt: NOW + 1000 });
    const gone = await addSession(one, { refresh: login });
    await end(one, gone.id);
    const find = (createdAfter: number, createdBefore: number, limit: number, after?: string) =>
      one.transaction(async (tx) =>
        idsOf(await tx.lockUnanswered({ createdAfter, createdBefore }, limit, after)),
      );
    const ids = idsOf(lost);
    expect(await find(NOW, NOW + 5000, 10)).toEqual(ids);
    expect(await find(NOW + 1000, NOW + 4000, 10)).toEqual(ids.slice(1, 4));
    expect(await find(NOW, NOW + 5000, 2, ids[1])).toEqual(ids.slice(2, 4));
  });

  test("N4 sweepers share the work: what one holds is left to it", async ({ skip }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const refresh = { generation: 1, rotatedAt: NOW, previousRotatedAt: NOW, isUnanswered: true };
    const [first, second] = await addSessions(one, 2, { refresh });
    const age = { createdAfter: NOW, createdBefore: NOW + 5000 };
    await one.transaction(async (tx) => {
      expect(idsOf(await tx.lockUnanswered(age, 1, undefined))).toEqual([first?.id]);
      const others = await two.transaction((tx) => tx.lockUnanswered(age, 10, undefined));
      expect(idsOf(others)).toEqual([second?.id]);
    });
  });
};
