import { expect, test } from "vitest";
import {
  LATEST_CHECK_MS,
  type SessionFilter,
  type SessionQuery,
  type SessionStore,
} from "../../../src/core/ports/session_store.js";
import { idleTimeoutOf, type Session, sessionState } from "../../../src/core/session/session.js";
import {
  addSession,
  addSessions,
  end,
  IDLE_TIMEOUT_MS,
  idsOf,
  LIVE_AT,
  NOW,
  newId,
} from "../samples.js";
import type { SessionStores } from "./fixture.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Sessions of three users and two addresses in every state, made over two days. */
const addMixture = async (store: SessionStore): Promise<Session[]> => {
  const users = [newId(), newId(), newId()];
  const revocations = [
    undefined,
    "LOGOUT",
    undefined,
    "IDLE_TIMEOUT",
    "EXPIRED",
    undefined,
  ] as const;
  const sessions: Session[] = [];
  for (let i = 0; i < 48; i++) {
    const createdAt = NOW - 2 * DAY + i * 60 * MINUTE;
    const lastActivityAt = i % 6 === 0 ? createdAt : NOW - i * 1000;
    const expiresAt = i % 6 === 5 ? NOW : NOW + DAY;
    // Some have an inactivity timeout of their own, and a few of these are past it.
    const ownTimeout = i % 4 === 1 ? { idleTimeoutMs: i < 24 ? 30_000 : 5_000 } : {};
    const timesOutAt = Math.min(
      expiresAt,
      lastActivityAt + idleTimeoutOf(ownTimeout, IDLE_TIMEOUT_MS),
    );
    const userId = users[i % 3] ?? "";
    const ip = i % 2 ? "192.0.2.1" : "2001:db8::1";
    const clientId = i % 5 ? "web" : "mobile";
    const session = await addSession(
      store,
      { createdAt, userId, ip, clientId, lastActivityAt, expiresAt, ...ownTimeout },
      timesOutAt + LATEST_CHECK_MS,
    );
    const reason = revocations[i % 6];
    sessions.push((reason && (await end(store, session.id, { reason }))) || session);
  }
  return sessions;
};

const matches = (session: Session, filter: SessionFilter): boolean =>
  (filter.userId === undefined || session.userId === filter.userId) &&
  (filter.ip === undefined || session.ip === filter.ip) &&
  (filter.clientId === undefined || session.clientId === filter.clientId) &&
  (filter.createdAfter === undefined || session.createdAt >= filter.createdAfter) &&
  (filter.createdBefore === undefined || session.createdAt < filter.createdBefore) &&
  (filter.inactiveSince === undefined || session.lastActivityAt <= filter.inactiveSince) &&
  (filter.state === undefined || sessionState(session, NOW, IDLE_TIMEOUT_MS) === filter.state);

/** Page by page to the end; every page but the last is full. */
const listAll = async (store: SessionStore, query: Omit<SessionQuery, "after" | "liveAt">) => {
  const found: Session[] = [];
  for (let page: Session[] = []; ; ) {
    page = await store.list({ ...query, liveAt: LIVE_AT, after: found.at(-1)?.id });
    found.push(...page);
    expect(page.length).toBeLessThanOrEqual(query.limit);
    if (page.length < query.limit) return found;
  }
};

/** What administrators look at. */
export const describeListing = (stores: () => SessionStores): void => {
  test("every filter, alone and together, in both orders, in pages of any size", async () => {
    const { one } = stores();
    const sessions = await addMixture(one);
    const userId = sessions[0]?.userId ?? "";
    const filters: SessionFilter[] = [
      {},
      { userId },
      { ip: "192.0.2.1" },
      { clientId: "mobile" },
      { createdAfter: NOW - DAY },
      { createdBefore: NOW - DAY },
      { createdAfter: NOW - DAY + 1, createdBefore: NOW - 2 * 60 * MINUTE },
      { inactiveSince: NOW - DAY },
      ...(["ACTIVE", "IDLE_TIMEOUT", "EXPIRED", "REVOKED"] as const).flatMap((state) => [
        { state },
        { state, userId },
        { state, clientId: "mobile" },
        { state, ip: "2001:db8::1", createdAfter: NOW - DAY },
        { state, inactiveSince: NOW - 20_000 },
      ]),
    ];
    for (const filter of filters) {
      const expected = idsOf(sessions.filter((session) => matches(session, filter)));
      for (const limit of [1, 5, 100]) {
        const ascending = await listAll(one, { filter, order: "created_asc", limit });
        expect(idsOf(ascending), JSON.stringify({ filter, limit })).toEqual(expected);
        const descending = await listAll(one, { filter, order: "created_desc", limit });
        expect(idsOf(descending), JSON.stringify({ filter, limit })).toEqual(expected.toReversed());
      }
    }
    // A filter that matches nothing would have proved nothing.
    for (const state of ["ACTIVE", "IDLE_TIMEOUT", "EXPIRED", "REVOKED"] as const)
      expect(sessions.filter((session) => matches(session, { state })).length).toBeGreaterThan(3);
  });

  test("a listed session is told whole", async () => {
    const { one } = stores();
    const session = await addSession(one);
    const ended = await end(one, session.id);
    const query = { filter: {}, order: "created_asc", liveAt: LIVE_AT, after: undefined } as const;
    expect(await one.list({ ...query, limit: 1 })).toEqual([ended]);
  });

  test("pages hold still while sessions come and end", async () => {
    const { one, two } = stores();
    const before = await addSessions(one, 12, { createdAt: NOW - DAY });
    const query = { filter: {}, order: "created_asc", limit: 3 } as const;
    const [listed] = await Promise.all([
      listAll(one, query),
      Promise.all(before.filter((_, i) => i % 2 === 0).map(({ id }) => end(two, id))),
      addSessions(two, 5, { createdAt: NOW }),
    ]);
    expect(idsOf(listed).slice(0, 12)).toEqual(idsOf(before));
  });

  test("a page after what is no session id, and a filter by what is no user id, hold nothing", async () => {
    const { one } = stores();
    await addSession(one);
    const query = { order: "created_asc", liveAt: LIVE_AT, after: undefined, limit: 9 } as const;
    expect(await one.list({ ...query, filter: { userId: "nobody" } })).toEqual([]);
    expect(await one.list({ ...query, filter: {}, after: "forged" })).toEqual([]);
    expect(await one.countLive({ userId: "nobody" }, LIVE_AT)).toBe(0);
  });

  test("a user's live sessions, newest first, and how many there are", async () => {
    const { one } = stores();
    const sessions = await addMixture(one);
    const userId = sessions[2]?.userId ?? "";
    const live = sessions.filter((session) => matches(session, { userId, state: "ACTIVE" }));
    expect(live.length).toBeGreaterThan(3);
    expect(idsOf(await one.liveOf(userId, LIVE_AT))).toEqual(idsOf(live).toReversed());
    expect(await one.countLive({ userId }, LIVE_AT)).toBe(live.length);
    const all = sessions.filter((session) => matches(session, { state: "ACTIVE" }));
    expect(await one.countLive({}, LIVE_AT)).toBe(all.length);
  });

  test("counts of all sessions: live, timed out unnoticed, ended", async () => {
    const { one } = stores();
    expect(await one.count(LIVE_AT)).toEqual({ live: 0, idle: 0, ended: 0 });
    const sessions = await addMixture(one);
    const open = sessions.filter((session) => !session.end);
    const live = open.filter((session) => matches(session, { state: "ACTIVE" })).length;
    expect(await one.count(LIVE_AT)).toEqual({
      live,
      idle: open.length - live,
      ended: sessions.length - open.length,
    });
  });

  test("what matches is locked oldest first, page by page, live ones only", async () => {
    const { one } = stores();
    const sessions = await addMixture(one);
    const filter = { ip: "192.0.2.1" };
    const live = sessions.filter((session) => matches(session, { ...filter, state: "ACTIVE" }));
    await one.transaction(async (tx) => {
      const first = await tx.lockMatching(filter, LIVE_AT, 3, undefined);
      expect(idsOf(first)).toEqual(idsOf(live).slice(0, 3));
      const rest = await tx.lockMatching(filter, LIVE_AT, 100, first.at(-1)?.id);
      expect(idsOf(rest)).toEqual(idsOf(live).slice(3));
    });
  });

  test("no live session matches a filter by another state than ACTIVE", async () => {
    const { one } = stores();
    const sessions = await addMixture(one);
    const live = sessions.filter((session) => matches(session, { state: "ACTIVE" }));
    for (const state of ["ACTIVE", "IDLE_TIMEOUT", "EXPIRED", "REVOKED"] as const) {
      const expected = state === "ACTIVE" ? idsOf(live) : [];
      expect(await one.countLive({ state }, LIVE_AT)).toBe(expected.length);
      const locked = await one.transaction((tx) =>
        tx.lockMatching({ state }, LIVE_AT, 100, undefined),
      );
      expect(idsOf(locked)).toEqual(expected);
    }
  });
};
