import type { SessionTransaction } from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session.js";
import type { User } from "../../../src/core/user.js";
import type { CoreReplica } from "../../support/core_replica.js";

export interface OpenSession {
  readonly id: string;
  readonly accessToken: string;
}

/** Opens many sessions of one user without a password or a limit, in one transaction. */
export const openSessions = async (
  replica: CoreReplica,
  user: User,
  count: number,
): Promise<OpenSession[]> => {
  const { ports, settings } = replica;
  const now = ports.clock.now();
  const sessions = Array.from({ length: count }, (): Session => {
    const expiresAt = Math.ceil((now + settings.maxLifetimeMs) / 1000) * 1000;
    return {
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
      refresh: { generation: 1, rotatedAt: now, previousRotatedAt: now },
      end: undefined,
    };
  });
  await ports.store.transaction(async (tx: SessionTransaction) => {
    for (const session of sessions) await tx.insertSession(session, now + settings.idleTimeoutMs);
  });
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
