import type { Call } from "../call.js";
import { fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type {
  LiveAt,
  SessionFilter,
  SessionRevocation,
  SessionStore,
} from "../ports/session_store.js";
import type { EndReason, Session } from "../session/session.js";
import { AWAIT_REVOKED_MS } from "../validation/session_check.js";
import type { CacheLease } from "./cache_lease.js";

/** The reason and the actor of a revocation. */
export interface EndCause {
  readonly reason: EndReason;
  readonly by: string;
  readonly ip?: string | undefined;
  readonly note?: string | undefined;
}

export interface Ended {
  /** How many sessions this call ended. */
  readonly count: number;
  /** The revision by which all of them have ended. */
  readonly revision: bigint;
}

/** Sessions ended in one transaction when a filter may match any number. */
const BATCH = 500;

/**
 * The revoking operations. When one resolves, the revocation is committed and invalidated in every cache; when one
 * rejects, it is safe to repeat and is finished in the background (L4).
 */
export interface RevokeSessions {
  /**
   * Revokes one session, of `ownerId` if given. NOT_FOUND if there is none. Resolves to the revision; if the session
   * was revoked before, to the revision of that first revocation.
   */
  one(
    sessionId: string,
    cause: EndCause,
    ownerId?: string | undefined,
    call?: Call | undefined,
  ): Promise<bigint>;
  /** Ends all sessions of a user but one. NOT_FOUND if there is no such user. */
  ofUser(
    userId: string,
    except: string | undefined,
    cause: EndCause,
    call?: Call | undefined,
  ): Promise<Ended>;
  /**
   * Revokes every matching live session; or about `max` of them, in whole batches, and reports whether more may be
   * left. A repetition continues with the rest.
   */
  matching(
    filter: SessionFilter,
    cause: EndCause,
    call?: Call | undefined,
    max?: number,
  ): Promise<Ended & { readonly more: boolean }>;
  /**
   * Resolves, to the newest revision of the user's revocations, when all of them
   * are in force on every replica: also those of an earlier call that had to
   * answer before it was certain.
   */
  awaitUserRevoked(userId: string): Promise<bigint>;
}

export const revokeSessions = (deps: {
  store: SessionStore;
  cacheLease: CacheLease;
  clock: Clock;
  idleTimeoutMs: number;
}): RevokeSessions => {
  const { store, cacheLease, clock } = deps;

  /** Everything of one user, or of everybody, that the hot store may not know yet. */
  const awaitPendingRevoked = async (userId?: string): Promise<void> => {
    for (let after: string | undefined; ; ) {
      const waiting = await store.pendingInvalidations({
        limit: BATCH,
        ...(after !== undefined && { after }),
        ...(userId !== undefined && { userId }),
      });
      await cacheLease.awaitRevoked(waiting, AWAIT_REVOKED_MS);
      if (waiting.length < BATCH) return;
      after = waiting.at(-1)?.sessionId;
    }
  };

  const awaitUserRevoked = async (userId: string): Promise<bigint> => {
    await awaitPendingRevoked(userId);
    return store.lastRevision(userId);
  };

  const liveAt = (): LiveAt => ({ now: clock.now(), idleTimeoutMs: deps.idleTimeoutMs });

  return {
    awaitUserRevoked,

    async one(sessionId, cause, ownerId, call) {
      const ended = await store.transaction(async (tx) => {
        const session = await tx.lockSession(sessionId);
        if (session === undefined || (ownerId !== undefined && session.userId !== ownerId))
          throw fail("NOT_FOUND", { metadata: { session_id: sessionId } });
        if (session.end) return session;
        const [now] = await tx.revokeSessions([{ sessionId, at: clock.now(), ...cause }]);
        return now ?? session;
      }, call);
      await cacheLease.awaitRevoked([{ sessionId: ended.id, ...ended }], AWAIT_REVOKED_MS);
      return ended.end?.revision ?? 0n;
    },

    async ofUser(userId, except, cause, call) {
      const ended = await store.transaction(async (tx) => {
        if ((await tx.lockUser(userId)) === undefined)
          throw fail("NOT_FOUND", { metadata: { user_id: userId } });
        const open = await tx.lockOpenSessionsOf(userId);
        return tx.revokeSessions(revocationsOf(open, except, clock.now(), cause));
      }, call);
      return { count: ended.length, revision: await awaitUserRevoked(userId) };
    },

    async matching(filter, cause, call, max = Number.POSITIVE_INFINITY) {
      let count = 0;
      let after: string | undefined;
      let isLast = false;
      while (!isLast && count < max) {
        // In slices: if few sessions match, one statement would scan all open sessions for them.
        const upTo = await store.endOfSlice(filter, after);
        for (let seen = BATCH; seen === BATCH && count < max; ) {
          const { found, ended } = await store.transaction(async (tx) => {
            const found = await tx.lockMatching(filter, liveAt(), BATCH, after, upTo);
            const ended = await tx.revokeSessions(
              revocationsOf(found, undefined, clock.now(), cause),
            );
            return { found, ended };
          }, call);
          count += ended.length;
          seen = found.length;
          after = found.at(-1)?.id ?? after;
          if (seen < BATCH) {
            isLast = upTo === undefined;
            after = upTo;
          }
        }
      }
      await awaitPendingRevoked();
      return { count, revision: await store.lastRevision(filter.userId), more: !isLast };
    },
  };
};

/** One revocation for each session except one. */
export const revocationsOf = (
  sessions: readonly Session[],
  except: string | undefined,
  at: number,
  cause: EndCause,
): SessionRevocation[] =>
  sessions.filter(({ id }) => id !== except).map(({ id }) => ({ sessionId: id, at, ...cause }));
