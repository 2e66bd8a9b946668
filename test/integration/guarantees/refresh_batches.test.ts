import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CurfewError } from "../../../src/core/errors.js";
import type { Session } from "../../../src/core/session/session.js";
import { newSession } from "../../contract/samples.js";
import { type CoreReplica, makeUser, outcomeOf } from "../../support/core_replica.js";
import { singleRefreshes } from "../../support/single_refreshes.js";
import { type TestCall, testCall } from "../../support/test_call.js";
import { waitUntil } from "../../support/wait_until.js";
import { auditTrail } from "./audit_trail.js";
import { INSERT_SESSIONS } from "./session_rows.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const GRACE_MS = 10_000;
const IDLE_MS = 60_000;
const TTL_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

/** The time of all replicas: it stands still while refreshes are compared. */
let moment = Date.now();
const replicas = setUpTwoReplicas({
  settings: { graceMs: GRACE_MS, idleTimeoutMs: IDLE_MS },
  now: () => moment,
});

/** A session and a refresh token of it, in times before and after the moment of the refresh. */
interface Case {
  readonly generation: number;
  readonly presented: number;
  readonly rotatedAgoMs: number;
  readonly previousAgoMs: number;
  readonly isUnanswered: boolean;
  /** How long ago a process recorded that the newest token was sent, without a report to Postgres. */
  readonly notedAgoMs: number | undefined;
  readonly usedAgoMs: number;
  readonly unwrittenUseAgoMs: number | undefined;
  readonly expiresInMs: number;
  readonly accessExpiresInMs: number;
  readonly isEnded: boolean;
  readonly skipActivity: boolean;
  readonly omitRoles: boolean;
  readonly hasCaller: boolean;
}

const ago = (...values: number[]) => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, value);
const cases: fc.Arbitrary<Case> = fc
  .record({
    generation: fc.integer({ min: 1, max: 5 }),
    behind: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.integer({ min: -1, max: 4 })),
    rotatedAgoMs: ago(0, 1, GRACE_MS - 1, GRACE_MS, 5 * GRACE_MS),
    previousAgoMs: ago(0, GRACE_MS - 1, GRACE_MS, 5 * GRACE_MS),
    isUnanswered: fc.boolean(),
    notedAgoMs: maybe(ago(0, GRACE_MS - 1, GRACE_MS)),
    usedAgoMs: fc.oneof(
      { arbitrary: ago(0, 1000), weight: 3 },
      ago(IDLE_MS - 1, IDLE_MS, 2 * IDLE_MS),
    ),
    unwrittenUseAgoMs: maybe(ago(0, 500, IDLE_MS - 1)),
    expiresInMs: fc.oneof({ arbitrary: fc.constant(DAY_MS), weight: 4 }, ago(-1, 0, 1, 90_000)),
    accessExpiresInMs: ago(-1000, 0, 30_000, TTL_MS, 2 * TTL_MS),
    isEnded: fc.oneof({ arbitrary: fc.constant(false), weight: 5 }, fc.constant(true)),
    skipActivity: fc.boolean(),
    omitRoles: fc.boolean(),
    hasCaller: fc.boolean(),
  })
  .map(({ behind, ...one }) => ({ ...one, presented: Math.max(0, one.generation - behind) }));

const PLAIN: Case = {
  generation: 2,
  presented: 2,
  rotatedAgoMs: 1000,
  previousAgoMs: 2000,
  isUnanswered: false,
  notedAgoMs: undefined,
  usedAgoMs: 1000,
  unwrittenUseAgoMs: undefined,
  expiresInMs: DAY_MS,
  accessExpiresInMs: TTL_MS,
  isEnded: false,
  skipActivity: false,
  omitRoles: false,
  hasCaller: true,
};

/** One of each answer, since it is left to chance which the others reach. */
const ONE_OF_EACH: readonly Case[] = [
  PLAIN,
  { ...PLAIN, presented: 1 },
  { ...PLAIN, presented: 3 },
  { ...PLAIN, generation: 5, presented: 1 },
  { ...PLAIN, isEnded: true },
  { ...PLAIN, expiresInMs: 0 },
  { ...PLAIN, usedAgoMs: IDLE_MS },
];

/** Makes the session of a case, as `replica` knows it. */
const make = async (replica: CoreReplica, one: Case, userId: string): Promise<Session> => {
  const { store } = replica.ports;
  const session = newSession({
    userId,
    createdAt: moment - DAY_MS,
    lastActivityAt: moment - one.usedAgoMs,
    expiresAt: moment + one.expiresInMs,
    accessExpiresAt: moment + one.accessExpiresInMs,
    refresh: {
      generation: one.generation,
      rotatedAt: moment - one.rotatedAgoMs,
      previousRotatedAt: moment - one.previousAgoMs,
      isUnanswered: one.isUnanswered,
    },
  });
  const { id } = session;
  await store.transaction(async (tx) => {
    await tx.insertSession(session, moment);
    if (one.isEnded)
      await tx.revokeSessions([{ sessionId: id, reason: "LOGOUT", at: moment, by: "" }]);
  });
  return session;
};

/** Presents the token of a case. Resolves to the answer, without the values that are unique to this session. */
const present = async (replica: CoreReplica, one: Case, { id }: Session): Promise<unknown> => {
  const { core, ports } = replica;
  if (one.unwrittenUseAgoMs !== undefined) core.activity.record(id, moment - one.unwrittenUseAgoMs);
  if (one.notedAgoMs !== undefined && one.isUnanswered)
    core.answers.record(id, one.generation, moment - one.notedAgoMs);
  const refreshToken = ports.codec.mint({ sessionId: id, generation: one.presented });
  const { skipActivity, omitRoles } = one;
  try {
    const { tokens, session } = await core.refreshTokens(
      { refreshToken, ip: "192.0.2.9", skipActivity, omitRoles },
      one.hasCaller ? testCall() : undefined,
    );
    const { jti, sid, sub, ...claims } = JSON.parse(
      Buffer.from(tokens.accessToken.split(".")[1] ?? "", "base64url").toString(),
    );
    expect([jti, sid, sub]).toEqual([session.jti, id, session.userId]);
    const next = await ports.codec.parse(tokens.refreshToken);
    expect(next?.sessionId).toBe(id);
    return { claims, expiresIn: tokens.expiresIn, generation: next?.generation };
  } catch (error) {
    if (!(error instanceof CurfewError)) throw error;
    const { revision: _, ...metadata } = error.metadata;
    return { reason: error.reason, metadata };
  }
};

/** The remaining data of a session in Postgres, without the values that are unique to it. */
const traces = async (replica: CoreReplica, { id }: Session): Promise<unknown> => {
  await replica.core.answers.flush();
  await replica.core.activity.flush();
  const session = await replica.ports.store.get(id);
  const { id: _, jti, userId, end, ...kept } = session ?? ({} as Session);
  const events = await auditTrail(replica, { session_id: id });
  return {
    ...kept,
    hasNewJti: jti !== undefined,
    end: end && { ...end, revision: undefined },
    events: events.map(({ type, at, ip, reason, actor, metadata }) => ({
      type,
      at,
      ip,
      reason,
      isActor: actor === userId,
      metadata,
    })),
  };
};

test("R1 R2 R3 R4 R5 a refresh in a batch does and answers what a transaction of its own does, in every state", async () => {
  // No note of theirs reaches Postgres while refreshes are compared.
  const a = await replicas.start({ heartbeatMs: 0 });
  const single = await replicas.start({
    heartbeatMs: 0,
    wrapPorts: (ports) => ({ ...ports, store: { ...ports.store, ...singleRefreshes } }),
  });
  const users = [await makeUser(a), await makeUser(a)] as const;
  const kinds = new Set<string>();
  const property = fc.asyncProperty(
    fc.array(cases, { minLength: 1, maxLength: 12 }),
    async (batch) => {
      moment = Date.now();
      await Promise.all([a.core.cacheLease.heartbeat(), single.core.cacheLease.heartbeat()]);
      const prepared = [];
      for (const one of batch) {
        prepared.push({
          one,
          inBatch: await make(a, one, users[0].id),
          byItself: await make(single, one, users[1].id),
        });
      }
      // All in one event-loop turn, so that they share a transaction.
      const [together, apart] = await Promise.all([
        Promise.all(prepared.map(({ one, inBatch }) => present(a, one, inBatch))),
        Promise.all(prepared.map(({ one, byItself }) => present(single, one, byItself))),
      ]);
      expect(together).toEqual(apart);
      for (const { inBatch, byItself } of prepared)
        expect(await traces(a, inBatch)).toEqual(await traces(single, byItself));
      for (const answer of together) kinds.add((answer as { reason?: string }).reason ?? "OK");
    },
  );
  await fc.assert(property, { numRuns: 25, endOnFailure: true, examples: [[[...ONE_OF_EACH]]] });
  // The cases reach every branch, or equality would say little.
  expect([...kinds].sort()).toEqual([
    "OK",
    "REFRESH_TOKEN_INVALID",
    "REFRESH_TOKEN_REUSED",
    "SESSION_EXPIRED",
    "SESSION_INACTIVITY_TIMEOUT",
    "SESSION_REVOKED_OR_INVALID",
  ]);
});

const refresh = (replica: CoreReplica, { id, refresh }: Session, call?: TestCall) => {
  const { generation } = refresh;
  const refreshToken = replica.ports.codec.mint({ sessionId: id, generation });
  return replica.core.refreshTokens({ refreshToken, ip: "192.0.2.1" }, call);
};

test("O3 a caller that leaves while its batch is under way changes nothing, and takes nobody along", async () => {
  const { a, b } = replicas;
  const { id: userId } = await makeUser(a);
  const sessions = await Promise.all(Array.from({ length: 5 }, () => make(a, PLAIN, userId)));
  const [gone, ...others] = sessions as [Session, ...Session[]];
  const leaving = testCall();
  let outcomes: Promise<string[]> | undefined;
  await b.database.transaction(async (trx) => {
    await trx.raw("LOCK TABLE audit_events IN EXCLUSIVE MODE");
    outcomes = Promise.all([
      outcomeOf(refresh(a, gone, leaving)),
      ...others.map((session) => outcomeOf(refresh(a, session, testCall()))),
    ]);
    await waitUntil("the batch waits for the table of events", async () => {
      const { rows } = await trx.raw(
        "SELECT 1 FROM pg_locks WHERE relation = 'audit_events'::regclass AND NOT granted",
      );
      return rows.length > 0;
    });
    leaving.leave();
  });
  expect(await outcomes).toEqual(["DEADLINE_EXCEEDED", "OK", "OK", "OK", "OK"]);
  expect(await a.ports.store.get(gone.id)).toMatchObject({
    jti: gone.jti,
    refresh: { generation: 2 },
  });
  expect(await auditTrail(a, { session_id: gone.id })).toEqual([]);
  for (const { id } of others) expect((await a.ports.store.get(id))?.refresh.generation).toBe(3);
  expect(await outcomeOf(refresh(a, gone, testCall()))).toBe("OK");
});

describe("O1 refreshes at once", () => {
  /** Ids of new sessions: of one user, or each of another. */
  const makeSessions = async (replica: CoreReplica, count: number, isOneUser: boolean) => {
    const userId = isOneUser ? (await makeUser(replica)).id : undefined;
    const sql = INSERT_SESSIONS.replaceAll("$1", "?").replace(
      "$2",
      isOneUser ? "?" : "gen_random_uuid()",
    );
    // Bindings stand in the order of the text.
    const bindings = isOneUser ? [userId ?? "", count] : [count];
    const { rows } = await replica.database.raw<{ rows: { session_id: string }[] }>(sql, bindings);
    return rows.map((row) => row.session_id);
  };

  test.each([
    [64, true],
    [64, false],
    [256, true],
    [256, false],
    [1024, true],
    [1024, false],
  ])(
    "%i sessions, of one user: %s, on a cold replica and again on the warm one",
    async (count, isOneUser) => {
      moment = Date.now();
      const ids = await makeSessions(replicas.a, count, isOneUser);
      moment = Date.now();
      const cold = await replicas.start({ shares: true, guardsSilence: true });
      for (const generation of [1, 2]) {
        const answers = await Promise.all(
          ids.map(async (sessionId) => {
            const call = testCall(performance.now() + 60_000);
            const refreshToken = cold.ports.codec.mint({ sessionId, generation });
            const { tokens } = await cold.core.refreshTokens({ refreshToken, ip: "" }, call);
            call.receive();
            return cold.ports.codec.parse(tokens.refreshToken);
          }),
        );
        expect(answers).toMatchObject(
          ids.map((sessionId) => ({ sessionId, generation: generation + 1 })),
        );
      }
    },
  );
});
