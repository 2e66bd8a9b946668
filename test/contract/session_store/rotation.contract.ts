import { expect, test } from "vitest";
import type { Rotation } from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session/session.js";
import { outcomeOf } from "../../support/core_replica.js";
import { testCall } from "../../support/test_call.js";
import { waitUntil } from "../../support/wait_until.js";
import { addSession, addUser, end, IDLE_TIMEOUT_MS, NOW, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

/** A minute later than all sessions were made. */
const LATER = NOW + 60_000;
const LIVE_LATER = { now: LATER, idleTimeoutMs: IDLE_TIMEOUT_MS };
const TTL_MS = 15 * 60_000;

const rotationOf = (
  session: Pick<Session, "id"> & Partial<Pick<Session, "refresh">>,
  given: Partial<Rotation> = {},
): Rotation => ({
  sessionId: session.id,
  generation: session.refresh?.generation ?? 1,
  jti: `next of ${session.id}`,
  accessExpiresAt: LATER + TTL_MS,
  usedAt: LATER,
  answeredAt: undefined,
  isUnanswered: true,
  ip: "192.0.2.7",
  ...given,
});

/** Refresh tokens that are used for the first time, many in one transaction. */
export const describeRotations = (stores: () => SessionStores): void => {
  test("R1 a session that is live and of the generation presented is rotated, with its event", async () => {
    const { one, two, audit } = stores();
    const { id: userId } = await addUser(one, { roles: ["reader", "writer"] });
    const session = await addSession(one, { userId });
    const [rotated] = await one.rotate([rotationOf(session)], LIVE_LATER);
    expect(rotated).toEqual({
      session: {
        ...session,
        jti: `next of ${session.id}`,
        accessExpiresAt: LATER + TTL_MS,
        lastActivityAt: LATER,
        refresh: {
          generation: 2,
          rotatedAt: LATER,
          previousRotatedAt: NOW,
          isUnanswered: true,
        },
      },
      roles: ["reader", "writer"],
    });
    expect(await two.get(session.id)).toEqual(rotated?.session);
    const { events } = await audit.eventsAfter({ transactionId: 0n, eventId: 0n, at: 0 }, [], 10);
    expect(events.map(({ event }) => event)).toEqual([
      {
        type: "REFRESHED",
        at: LATER,
        userId,
        sessionId: session.id,
        actor: userId,
        ip: "192.0.2.7",
        reason: undefined,
        metadata: {},
      },
    ]);
    // The same token again is no first use.
    expect(await two.rotate([rotationOf(session)], LIVE_LATER)).toEqual([undefined]);
    expect(await one.get(session.id)).toEqual(rotated?.session);
  });

  test("R2 R4 the time from which the generation before runs is that of its answer", async () => {
    const { one } = stores();
    const times = { generation: 3, rotatedAt: NOW + 10, previousRotatedAt: NOW };
    const previousOf = async (given: object, answeredAt?: number) => {
      const session = await addSession(one, { refresh: { ...times, ...given } });
      const [rotated] = await one.rotate([rotationOf(session, { answeredAt })], LIVE_LATER);
      return rotated?.session.refresh.previousRotatedAt;
    };
    expect(await previousOf({})).toBe(NOW + 10);
    expect(await previousOf({}, NOW + 20)).toBe(NOW + 10);
    expect(await previousOf({ isUnanswered: true })).toBe(LATER);
    expect(await previousOf({ isUnanswered: true }, NOW + 20)).toBe(NOW + 20);
  });

  test("R4 a rotation moves no time back and no token beyond its session", async () => {
    const { one } = stores();
    const expiresAt = LATER + 1000;
    const session = await addSession(one, {
      expiresAt,
      accessExpiresAt: LATER + 500,
      lastActivityAt: LATER - 5,
    });
    const [first] = await one.rotate([rotationOf(session, { usedAt: 0 })], LIVE_LATER);
    expect(first?.session).toMatchObject({
      accessExpiresAt: expiresAt,
      lastActivityAt: LATER - 5,
    });
    const again = rotationOf(first?.session ?? session, {
      accessExpiresAt: LATER,
      isUnanswered: false,
    });
    const [second] = await one.rotate([again], LIVE_LATER);
    expect(second?.session).toMatchObject({ accessExpiresAt: expiresAt, lastActivityAt: LATER });
    expect(second?.session.refresh).toEqual({
      generation: 3,
      rotatedAt: LATER,
      previousRotatedAt: LATER,
    });
  });

  test("R3 R5 sessions in any other state are left as they are, beside those that are rotated", async () => {
    const { one, audit } = stores();
    const refresh = { generation: 5, rotatedAt: NOW, previousRotatedAt: NOW };
    const add = (given: Partial<Session> = {}) => addSession(one, { refresh, ...given });
    const [good, other, repeated, unknown, ended] = [
      await add(),
      await add(),
      await add(),
      await add(),
      await add(),
    ];
    const idle = await add({ lastActivityAt: LATER - IDLE_TIMEOUT_MS, createdAt: NOW - 1 });
    const expired = await add({ expiresAt: LATER });
    const idleByItself = await add({ idleTimeoutMs: LATER - NOW });
    const acting = await add({ actor: { userId: newId(), sessionId: undefined, reason: "" } });
    await end(one, ended.id);
    const left = [repeated, unknown, ended, idle, expired, idleByItself, acting];
    const before = await Promise.all(left.map(({ id }) => one.get(id)));
    const results = await one.rotate(
      [
        rotationOf(repeated, { generation: 4 }),
        rotationOf(good),
        rotationOf(unknown, { generation: 6 }),
        rotationOf(ended),
        rotationOf(idle),
        rotationOf(other),
        rotationOf(idleByItself),
        rotationOf(acting),
        rotationOf(expired),
        rotationOf({ id: newId() }),
        rotationOf({ id: "no uuid" }),
        rotationOf({ id: newId() }, { generation: 2 ** 32 - 1 }),
      ],
      LIVE_LATER,
    );
    expect(results.map((one) => one?.session.id)).toEqual([
      undefined,
      good.id,
      undefined,
      undefined,
      undefined,
      other.id,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await Promise.all(left.map(({ id }) => one.get(id)))).toEqual(before);
    const { events } = await audit.eventsAfter(
      { transactionId: 0n, eventId: 0n, at: 0 },
      ["REFRESHED"],
      10,
    );
    expect(events).toHaveLength(2);
    expect(await one.rotate([], LIVE_LATER)).toEqual([]);
  });

  test("R1 of two replicas that rotate the same sessions at once each gets every session at most once", async () => {
    const { one, two } = stores();
    const sessions = await Promise.all(Array.from({ length: 20 }, () => addSession(one)));
    const rotations = sessions.map((session) => rotationOf(session));
    const both = await Promise.all([
      one.rotate(rotations, LIVE_LATER),
      two.rotate(rotations.toReversed(), LIVE_LATER),
      one.rotate(rotations.toReversed(), LIVE_LATER),
      two.rotate(rotations, LIVE_LATER),
    ]);
    const rotated = both.flat().filter((one) => one !== undefined);
    expect(new Set(rotated.map(({ session }) => session.id)).size).toBe(rotated.length);
    for (const { id } of sessions) {
      const times = rotated.filter(({ session }) => session.id === id).length;
      expect((await one.get(id))?.refresh.generation).toBe(1 + times);
    }
  });

  test("N4 a session that another transaction holds is left to a transaction that waits for it", async ({
    skip,
  }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const [held, free] = [await addSession(one), await addSession(one)];
    await one.transaction(async (tx) => {
      await tx.lockSession(held.id);
      const results = await two.rotate([rotationOf(held), rotationOf(free)], LIVE_LATER);
      expect(results.map((one) => one?.session.id)).toEqual([undefined, free.id]);
    });
    expect(await one.get(held.id)).toEqual(held);
  });

  test("O3 nothing is begun for callers that have gone", async () => {
    const { one } = stores();
    const session = await addSession(one);
    const call = testCall();
    call.leave();
    const outcome = outcomeOf(one.rotate([rotationOf(session)], LIVE_LATER, call));
    expect(await outcome).toBe("DEADLINE_EXCEEDED");
    expect(await one.get(session.id)).toEqual(session);
  });

  test("O3 nothing is committed for callers that go away while the statement runs", async ({
    skip,
  }) => {
    const { one, databases, audit, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const session = await addSession(one);
    const call = testCall();
    let outcome: Promise<string> | undefined;
    await databases[1].transaction(async (trx) => {
      await trx.raw("LOCK TABLE audit_events IN EXCLUSIVE MODE");
      outcome = outcomeOf(one.rotate([rotationOf(session)], LIVE_LATER, call));
      await waitUntil("the rotation waits for the table of events", async () => {
        const { rows } = await trx.raw(
          "SELECT 1 FROM pg_locks WHERE relation = 'audit_events'::regclass AND NOT granted",
        );
        return rows.length > 0;
      });
      call.leave();
    });
    expect(await outcome).toBe("DEADLINE_EXCEEDED");
    expect(await one.get(session.id)).toEqual(session);
    const { events } = await audit.eventsAfter({ transactionId: 0n, eventId: 0n, at: 0 }, [], 10);
    expect(events).toEqual([]);
  });
};
