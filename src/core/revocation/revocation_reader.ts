import { fail, isUndecided } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { RecordedRevocation, SessionStore } from "../ports/session_store.js";
import { AWAIT_REVOKED_MS } from "../validation/session_check.js";
import type { CacheLease } from "./cache_lease.js";
import type { Revocation, RevocationPage } from "./revocation.js";

/**
 * New watchers receive revocations for this long after the last access token has expired, for validators whose clock is
 * behind. Milliseconds.
 */
const RELEVANCE_MARGIN_MS = 60_000;
/** How long the known beginning of the relevant revocations may be reused, in milliseconds. */
const BEGINNING_KEPT_MS = 10_000;

/** Reads the order of revocations in Postgres. */
export interface RevocationReader {
  /**
   * The page after a revision.
   *
   * @throws CurfewError REVISION_OUT_OF_RANGE: there is no such revision;
   * DEPENDENCY_UNAVAILABLE
   */
  read(after: bigint): Promise<RevocationPage>;
  /** A revision, `after` at least, before which nothing matters any more. */
  firstRelevant(after: bigint): Promise<bigint>;
  /** Whether an access token of the session may still be within its time. */
  matters(revocation: Revocation): boolean;
}

export const revocationReader = (deps: {
  store: Pick<SessionStore, "revocationsAfter" | "relevantAfter">;
  cacheLease: Pick<CacheLease, "awaitRevoked">;
  clock: Clock;
  /** Most revocations of one read. */
  pageSize: number;
}): RevocationReader => {
  const { store, cacheLease, clock, pageSize } = deps;
  let beginning: { readonly known: Promise<bigint>; readonly until: number } | undefined;

  /**
   * Ensures that no replica reads these sessions as live any more: once a watcher has received a revocation, no later
   * call answers valid (L2). Resolves to whether that is certain.
   */
  const settled = async (revocations: readonly RecordedRevocation[]): Promise<boolean> => {
    try {
      await cacheLease.awaitRevoked(revocations, AWAIT_REVOKED_MS);
      return true;
    } catch (error) {
      if (isUndecided(error)) return false;
      throw error;
    }
  };

  return {
    async read(after) {
      // An operation that answered OK before this moment had committed, so this read includes its revocation.
      const at = clock.now();
      const { revocations, lastRevision } = await store.revocationsAfter(after, pageSize);
      if (after > lastRevision) {
        beginning = undefined;
        throw fail("REVISION_OUT_OF_RANGE", {
          metadata: { last_revision: lastRevision.toString() },
        });
      }
      const pendingInvalidation = revocations.filter(
        (revocation) => revocation.pendingInvalidation,
      );
      const certain = pendingInvalidation.length === 0 || (await settled(pendingInvalidation));
      // An uncertain revocation has not been answered OK either. It is held back, with all that follow it, so that the
      // order has no gap.
      const told = certain
        ? revocations
        : revocations.slice(
            0,
            revocations.findIndex((revocation) => revocation.pendingInvalidation),
          );
      const more = certain && revocations.length === pageSize;
      return {
        revocations: told.map(revocationOf),
        through: told.at(-1)?.end.revision ?? after,
        more,
        completeAt: certain && !more ? at : undefined,
      };
    },

    async firstRelevant(after) {
      const now = clock.monotonic();
      if (beginning === undefined || now >= beginning.until) {
        const known = store.relevantAfter(clock.now() - RELEVANCE_MARGIN_MS);
        beginning = { known, until: now + BEGINNING_KEPT_MS };
        known.catch(() => {
          beginning = undefined;
        });
      }
      const from = await beginning.known;
      if (from > after) return from;
      return after;
    },

    matters: ({ relevantUntil }) => relevantUntil > clock.now() - RELEVANCE_MARGIN_MS,
  };
};

const revocationOf = ({
  sessionId,
  userId,
  end,
  accessExpiresAt,
}: RecordedRevocation): Revocation => ({
  revision: end.revision,
  sessionId,
  userId,
  reason: end.reason,
  at: end.at,
  relevantUntil: accessExpiresAt,
});
