import type { Session } from "../../../src/core/session/session.js";
import type { User } from "../../../src/core/users/user.js";
import type { CoreReplica } from "../../support/core_replica.js";

export interface OpenSession {
  readonly id: string;
  readonly accessToken: string;
}

/** Opens many sessions of one user without a password or a limit: the store makes one, of which the others are copies. */
export const openSessions = async (
  replica: CoreReplica,
  user: User,
  count: number,
): Promise<OpenSession[]> => {
  const { ports, settings } = replica;
  const now = ports.clock.now();
  const expiresAt = Math.ceil((now + settings.maxLifetimeMs) / 1000) * 1000;
  const sessions = Array.from(
    { length: count },
    (): Session => ({
      id: ports.ids.next(now),
      userId: user.id,
      createdAt: now,
      lastActivityAt: now,
      expiresAt,
      accessExpiresAt: Math.min(expiresAt, Math.ceil((now + settings.accessTtlMs) / 1000) * 1000),
      jti: ports.ids.next(now),
      device: "test",
      ip: "192.0.2.1",
      userAgent: "vitest",
      clientId: "curfew",
      amr: ["pwd"],
      authTime: now,
      refresh: { generation: 1, rotatedAt: now, previousRotatedAt: now },
      end: undefined,
    }),
  );
  const [first, ...others] = sessions;
  if (first === undefined) return [];
  await ports.store.transaction((tx) => tx.insertSession(first, now + settings.idleTimeoutMs));
  await replica.database.raw(COPY, [
    others.map(({ id }) => id),
    others.map(({ jti }) => jti),
    first.id,
  ]);
  return Promise.all(
    sessions.map(async (session) => ({
      id: session.id,
      accessToken: await ports.signer.sign({
        iss: settings.issuer,
        aud: [settings.audience],
        sub: user.id,
        sid: session.id,
        jti: session.jti,
        iat: Math.floor(now / 1000),
        exp: session.accessExpiresAt / 1000,
        sexp: session.expiresAt / 1000,
        auth_time: Math.floor(now / 1000),
        amr: ["pwd"],
        roles: [],
      }),
    })),
  );
};

/** One statement, where the store takes one for each session. */
const COPY = `
  INSERT INTO sessions
  SELECT (jsonb_populate_record(s, jsonb_build_object('session_id', other.id, 'jti', other.jti))).*
  FROM sessions s, unnest(?::uuid[], ?::uuid[]) AS other(id, jti)
  WHERE s.session_id = ?`;
