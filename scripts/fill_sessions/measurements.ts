import type pg from "pg";
import type { LiveSession } from "../../bench/live_sessions.js";
import { mintTokens } from "../../bench/minted_tokens.js";
import type { LoginRequest, LoginResponse } from "../../generated/curfew/v1/auth_service.js";
import { Session_State } from "../../generated/curfew/v1/session.js";
import { ListSessionsRequest } from "../../generated/curfew/v1/session_admin.js";
import { bearer, call, clientsOf } from "./call.js";
import { type Latency, timed } from "./latency.js";

const SAMPLES = 500;
const LOGINS = 40;
/** As many as one round of cleanup takes at once. */
const CLEANUP_BATCH = 200;
const CLEANUPS = 10;

/** The system under measurement: a service and its database. */
export interface Measured {
  readonly port: number;
  readonly database: pg.Client;
  readonly databaseUrl: string;
  readonly username: string;
  readonly password: string;
}

/** Live sessions, spread over the whole population. */
const sample = async (database: pg.Client): Promise<LiveSession[]> => {
  const { rows } = await database.query<{
    session_id: string;
    user_id: string;
    created_at: Date;
    expires_at: Date;
  }>(
    `SELECT session_id, user_id, created_at, expires_at
     FROM sessions TABLESAMPLE SYSTEM (least(100, $1::float * 2000 / (SELECT count(*) FROM sessions)))
     WHERE revoked_at IS NULL AND last_activity_at > now() - interval '25 minutes'
     ORDER BY random() LIMIT $1`,
    [SAMPLES],
  );
  return rows.map((row) => ({
    sessionId: row.session_id,
    userId: row.user_id,
    username: "",
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  }));
};

/** Makes what cleanup has to do: as many that have timed out unnoticed as it takes at once, and as many to delete. */
const leaveWork = async (database: pg.Client): Promise<void> => {
  await database.query(
    `UPDATE sessions SET last_activity_at = now() - interval '1 hour', next_check_at = now() - interval '30 minutes'
     WHERE session_id IN (SELECT session_id FROM sessions WHERE revoked_at IS NULL AND next_check_at > now() AND user_agent LIKE 'Mozilla%' LIMIT $1)`,
    [CLEANUP_BATCH],
  );
  await database.query(
    `UPDATE sessions SET revoked_at = now() - interval '8 days', relevant_until = now() - interval '8 days'
     WHERE session_id IN (SELECT session_id FROM sessions WHERE revision IS NOT NULL AND NOT hot_pending AND relevant_until < now()
       ORDER BY revision LIMIT $1)`,
    [CLEANUP_BATCH],
  );
};

/** What people and services wait for, one call at a time. */
export const measureLatencies = async (measured: Measured): Promise<Latency[]> => {
  const { port, database, username, password } = measured;
  const { auth, admin } = clientsOf(port);
  const login = () =>
    call<LoginRequest, LoginResponse>(auth, auth.login, {
      username,
      password,
      language: "",
      deviceName: "fill",
    });
  const { accessToken } = await login();
  const metadata = bearer(accessToken);
  // Sweep first: the work that the population left for the sweeper is not part of the measurement.
  await call(admin, admin.cleanupSessions, {}, metadata);
  const sessions = await sample(database);
  const tokens = await mintTokens(measured.databaseUrl, sessions);
  const validate = (token: string) =>
    call(auth, auth.validateToken, { accessToken: token, audience: "", skipActivity: false });
  const list = (filter: ListSessionsRequest["filter"]) =>
    call(
      admin,
      admin.listSessions,
      ListSessionsRequest.create({ filter: filter as never }),
      metadata,
    );
  const none = { userId: "", ip: "", createdAfter: undefined, createdBefore: undefined };
  const filter = { ...none, state: Session_State.UNSPECIFIED, inactiveSince: undefined };
  const hundred = sessions.slice(0, 100);
  const results = [
    await timed("ValidateToken, first time: signature and Postgres", tokens, validate),
    await timed("ValidateToken, again: from Redis", tokens, validate),
    await timed("ListSessions, first page of all", hundred, () => list(undefined)),
    await timed("ListSessions, live", hundred, () =>
      list({ ...filter, state: Session_State.ACTIVE }),
    ),
    await timed("ListSessions, timed out", hundred, () =>
      list({ ...filter, state: Session_State.IDLE_TIMEOUT }),
    ),
    await timed("ListSessions of a user", hundred, ({ userId }) => list({ ...filter, userId })),
    await timed("GetActiveSessions of a user", hundred, ({ userId }) =>
      call(admin, admin.getActiveSessions, { userId }, metadata),
    ),
    await timed(
      "Login at the limit, which ends the oldest (argon2id)",
      hundred.slice(0, LOGINS),
      login,
    ),
  ];
  const after = bearer((await login()).accessToken);
  const backlog = Array.from({ length: CLEANUPS }, () => undefined);
  const cleanup: Latency[] = [];
  for (const _ of backlog) {
    await leaveWork(database);
    cleanup.push(await timed("", [undefined], () => call(admin, admin.cleanupSessions, {}, after)));
  }
  const times = cleanup.map(({ p50 }) => p50).sort((a, b) => a - b);
  const name = `CleanupSessions, ${CLEANUP_BATCH} timed out and ${CLEANUP_BATCH} to delete`;
  const p50 = times[times.length >> 1] ?? Number.NaN;
  results.push({ name, p50, p99: times.at(-1) ?? Number.NaN, calls: CLEANUPS });
  auth.close();
  admin.close();
  return results;
};
