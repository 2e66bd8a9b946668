import { expect, test } from "vitest";
import { addSession, addSessions, end, NOW, newId } from "../samples.js";
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
};
