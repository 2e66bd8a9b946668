import type { SessionRevocation, SessionStore } from "../../src/core/ports/session_store.js";
import type { Session } from "../../src/core/session/session.js";
import { type Account, foldUsername } from "../../src/core/users/user.js";
import { uuidV7Source } from "../../src/crypto/uuid_v7.js";

/** A moment to count from: 2030-01-01T00:00:00Z in milliseconds. */
export const NOW = Date.UTC(2030, 0, 1);
export const IDLE_TIMEOUT_MS = 30 * 60_000;
export const LIVE_AT = { now: NOW, idleTimeoutMs: IDLE_TIMEOUT_MS };

const ids = uuidV7Source();
export const newId = (at = NOW): string => ids.next(at);

export const newAccount = (given: Partial<Account> = {}): Account => {
  const id = given.id ?? newId();
  return {
    id,
    username: `user-${id}`,
    displayName: "Somebody",
    roles: ["reader"],
    isActive: true,
    createdAt: NOW,
    passwordHash: "$argon2id$",
    ...given,
  };
};

/** A live session; made, and last used, at `NOW` unless given otherwise. */
export const newSession = (given: Partial<Session> = {}): Session => {
  const createdAt = given.createdAt ?? NOW;
  return {
    id: newId(createdAt),
    userId: newId(),
    createdAt,
    lastActivityAt: createdAt,
    expiresAt: createdAt + 7 * 24 * 3_600_000,
    accessExpiresAt: createdAt + 15 * 60_000,
    jti: newId(createdAt),
    device: "a device",
    ip: "192.0.2.1",
    userAgent: "an agent",
    clientId: "curfew",
    amr: ["pwd"],
    authTime: createdAt,
    refresh: { generation: 1, rotatedAt: createdAt, previousRotatedAt: createdAt },
    end: undefined,
    ...given,
  };
};

export const addUser = async (store: SessionStore, given?: Partial<Account>): Promise<Account> => {
  const account = newAccount(given);
  await store.transaction((tx) => tx.insertUser(account, foldUsername(account.username)));
  return account;
};

export const addSession = async (
  store: SessionStore,
  given?: Partial<Session>,
  nextCheckAt?: number,
): Promise<Session> => {
  const session = newSession(given);
  await store.transaction((tx) =>
    tx.insertSession(session, nextCheckAt ?? session.lastActivityAt + IDLE_TIMEOUT_MS),
  );
  return session;
};

/** Adds sessions of one user, a second apart, oldest first. */
export const addSessions = async (
  store: SessionStore,
  count: number,
  given: Partial<Session> = {},
): Promise<Session[]> => {
  const userId = given.userId ?? newId();
  const first = given.createdAt ?? NOW;
  const sessions = Array.from({ length: count }, (_, i) =>
    newSession({ ...given, userId, createdAt: first + i * 1000 }),
  );
  await store.transaction(async (tx) => {
    for (const session of sessions)
      await tx.insertSession(session, session.lastActivityAt + IDLE_TIMEOUT_MS);
  });
  return sessions;
};

/** Ends one session under its lock; undefined if it had ended. */
export const end = (
  store: SessionStore,
  sessionId: string,
  given: Partial<SessionRevocation> = {},
): Promise<Session | undefined> =>
  store.transaction(async (tx) => {
    await tx.lockSession(sessionId);
    const [ended] = await tx.revokeSessions([
      { sessionId, reason: "LOGOUT", at: NOW, by: "system", ...given },
    ]);
    return ended;
  });

export const idsOf = (sessions: readonly { id: string }[]): string[] => sessions.map((s) => s.id);
