/**
 * A model of the contract for one user's sessions, in memory and without a race: the verdicts that the service has to
 * reach, whatever its stores remember.
 */

export interface ModelSettings {
  readonly accessTtlMs: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly graceMs: number;
  readonly maxSessions: number;
}

export interface ModelToken {
  readonly session: ModelSession;
  readonly expiresAt: number;
}

export interface ModelSession {
  readonly expiresAt: number;
  lastUse: number;
  /** TwoGenerationCache refresh generation. */
  generation: number;
  /** First use of each generation, by generation. */
  readonly firstUses: Map<number, number>;
  ended: "IDLE_TIMEOUT" | "EXPIRED" | "BY_SOMEBODY" | undefined;
}

export interface SessionModel {
  now(): number;
  advance(ms: number): void;
  /** The new session's token, and which sessions had to go for it. */
  login(): { token: ModelToken; evicted: ModelSession[] };
  /** `valid` or a reason; counts as a use when valid. */
  validate(token: ModelToken): string;
  /** A token, or a reason. */
  refresh(session: ModelSession, generation: number): ModelToken | string;
  end(session: ModelSession): void;
  endAll(): void;
}

/** Before a session's maximum no validation answers until it has passed (L2: clocks differ a little). */
const UNCERTAINTY_MS = 20;

const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000) * 1000;

export const sessionModel = (settings: ModelSettings, startAt: number): SessionModel => {
  const { accessTtlMs, idleTimeoutMs, maxLifetimeMs, graceMs, maxSessions } = settings;
  const sessions: ModelSession[] = [];
  let now = startAt;
  let lastLogin = 0;

  const timeout = (session: ModelSession): "EXPIRED" | "IDLE_TIMEOUT" | undefined => {
    if (now >= session.expiresAt) return "EXPIRED";
    return now >= session.lastUse + idleTimeoutMs ? "IDLE_TIMEOUT" : undefined;
  };
  /** The session's end, noticed now if it is a timeout. */
  const endOf = (session: ModelSession): ModelSession["ended"] => {
    session.ended ??= timeout(session);
    return session.ended;
  };
  const issue = (session: ModelSession, at: number): ModelToken => ({
    session,
    expiresAt: Math.min(session.expiresAt, wholeSeconds(at + accessTtlMs)),
  });

  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },

    login() {
      const live = sessions.filter((session) => endOf(session) === undefined);
      const evicted = live.slice(0, Math.max(0, live.length - maxSessions + 1));
      for (const session of evicted) session.ended = "BY_SOMEBODY";
      lastLogin = live.length > 0 ? Math.max(now, lastLogin + 1) : now;
      const session: ModelSession = {
        expiresAt: wholeSeconds(lastLogin + maxLifetimeMs),
        lastUse: lastLogin,
        generation: 1,
        firstUses: new Map(),
        ended: undefined,
      };
      sessions.push(session);
      return { token: issue(session, lastLogin), evicted };
    },

    validate({ session, expiresAt }) {
      if (now >= session.expiresAt) return "SESSION_EXPIRED";
      if (now >= expiresAt) return "ACCESS_TOKEN_EXPIRED";
      if (now >= session.expiresAt - UNCERTAINTY_MS) return "SESSION_EXPIRED";
      const ended = endOf(session);
      if (ended === "IDLE_TIMEOUT") return "SESSION_INACTIVITY_TIMEOUT";
      if (ended !== undefined) return "ACCESS_TOKEN_BLACKLISTED";
      session.lastUse = Math.max(session.lastUse, now);
      return "valid";
    },

    refresh(session, generation) {
      const ended = endOf(session);
      if (ended === "IDLE_TIMEOUT") return "SESSION_INACTIVITY_TIMEOUT";
      if (ended === "EXPIRED") return "SESSION_EXPIRED";
      if (ended !== undefined) return "SESSION_REVOKED_OR_INVALID";
      if (generation === session.generation) {
        session.firstUses.set(generation, now);
        session.generation += 1;
        session.lastUse = Math.max(session.lastUse, now);
        return issue(session, now);
      }
      const age = session.generation - generation;
      const inGrace = now < (session.firstUses.get(generation) ?? 0) + graceMs;
      if (age === 1 && inGrace) return issue(session, now);
      // A late duplicate of an honest client ends nothing; anything older is a copy.
      if (!(age === 2 && inGrace)) session.ended = "BY_SOMEBODY";
      return "REFRESH_TOKEN_REUSED";
    },

    end(session) {
      session.ended ??= "BY_SOMEBODY";
    },
    endAll() {
      for (const session of sessions) session.ended ??= "BY_SOMEBODY";
    },
  };
};
