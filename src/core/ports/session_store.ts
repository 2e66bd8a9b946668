import type { CallLimits } from "../call.js";
import type { AuditEvent } from "../events/audit_event.js";
import type { EndReason, Session, SessionEnd, SessionState } from "../session/session.js";
import type { Account, User } from "../users/user.js";
import type { Identities } from "./identities.js";
import type { AttemptTransaction } from "./login_throttle.js";
import type { SessionRequests } from "./session_requests.js";
import type { Shards } from "./shards.js";
import type { UsedSubjectTokens } from "./used_subject_tokens.js";

/**
 * The primary store of users and sessions. Every method rejects with
 * DEPENDENCY_UNAVAILABLE when the store cannot answer; after that, a change may
 * or may not have happened, and repeating it is safe.
 */
export interface SessionStore {
  /**
   * Runs `work` in one transaction; its result is committed when this resolves. Once `call` is over, the transaction
   * does not begin, run another statement or commit: it rolls back and rejects with DEADLINE_EXCEEDED (O3).
   */
  transaction<T>(work: (tx: SessionTransaction) => Promise<T>, call?: CallLimits): Promise<T>;

  /**
   * Rotates refresh tokens that are used for the first time, all in one
   * transaction, each with its REFRESHED event. A session is left as it is
   * unless it is live at `liveAt`, its newest generation is the one presented,
   * and no other transaction holds it; then its result is undefined, and what
   * its token means is for a `transaction` to decide. Of each session at most
   * one rotation may be given. Results are in the order given. As with
   * `transaction`, nothing is committed once `call` is over (O3).
   */
  rotate(
    rotations: readonly Rotation[],
    liveAt: LiveAt,
    call?: CallLimits,
  ): Promise<readonly (Rotated | undefined)[]>;

  /** What validation needs to know of each session, in the order asked; one statement. */
  sessionStatuses(sessionIds: readonly string[]): Promise<(SessionStatus | undefined)[]>;

  get(sessionId: string): Promise<Session | undefined>;
  /** Unended sessions of a user that are live at `liveAt`, newest first. */
  liveOf(userId: string, liveAt: LiveAt): Promise<Session[]>;
  list(query: SessionQuery): Promise<Session[]>;
  /** How many sessions there are, live, timed out without anybody having noticed, and ended. */
  count(liveAt: LiveAt): Promise<{ live: number; idle: number; ended: number }>;
  /** How many sessions are open, timed out or not, of up to `limit` users who have one, by user id, after a user id. */
  openSessionsByUser(
    afterUserId: string | undefined,
    limit: number,
  ): Promise<{ readonly userId: string; readonly open: number }[]>;
  /** How many live sessions match. */
  countLive(filter: SessionFilter, liveAt: LiveAt): Promise<number>;
  /**
   * The last id of the next slice of open sessions after an id; a slice is small enough for one statement. Undefined:
   * fewer are left.
   */
  endOfSlice(filter: SessionFilter, afterId: string | undefined): Promise<string | undefined>;

  /**
   * Moves `lastActivityAt` forward for unended sessions: never inserts, never
   * revives, at most one write a session (A3). Sessions that another
   * transaction holds are left out. Resolves to the ids that are done with.
   */
  touch(activity: readonly Activity[]): Promise<string[]>;

  /**
   * Notes that refresh tokens were sent to callers: `rotatedAt` becomes the time
   * of the answer, unless another answer was noted before. Sessions that
   * another transaction holds are left out. Resolves to the ids that are done with.
   */
  markAnswered(answers: readonly Answered[]): Promise<string[]>;

  /** Revocations and changes the hot store may not know yet, by session id, of one user if given. */
  pendingInvalidations(page: {
    limit: number;
    after?: string;
    userId?: string;
  }): Promise<PendingInvalidation[]>;
  /**
   * Records that the named hot servers have been invalidated, unless the session has changed again since, or the
   * replicas have agreed on another server. Resolves to the recorded ids.
   */
  markInvalidated(told: readonly Told[]): Promise<string[]>;
  /**
   * Resolves to those sessions that no replica can still read as live from the hot store: either the store was
   * invalidated, or no replica has a lease of their shard. Without `shards` every lease counts for every session.
   */
  invalidatedAmong(sessionIds: readonly string[], shards?: Shards): Promise<string[]>;

  /** Deletes up to `limit` sessions that ended before `endedBefore` and whose access tokens are all expired. */
  deleteEnded(endedBefore: number, now: number, limit: number): Promise<number>;
  /** Forgets up to `limit` uses of subject tokens that have not been accepted since before `at`. */
  deleteTokenUses(at: number, limit: number): Promise<number>;

  /** Forgets up to `limit` requests under idempotency keys that are past their time. Resolves to how many. */
  forgetRequests(now: number, limit: number): Promise<number>;

  /** Up to `limit` revocations after a revision, in order, and where the order ended in the same moment. */
  revocationsAfter(revision: bigint, limit: number): Promise<RevocationsPage>;
  /**
   * A revision after which come all revocations that an access token could still
   * ask about at `now`, also those yet to be.
   */
  relevantAfter(now: number): Promise<bigint>;
  /** The newest revision, of one user's sessions if given; 0: nothing has ended. */
  lastRevision(userId?: string): Promise<bigint>;
}

/** One transaction. Locks are taken in the order user, sessions by id, order of revocations. */
export interface SessionTransaction
  extends AttemptTransaction,
    Identities,
    SessionRequests,
    UsedSubjectTokens {
  /** Locks the user until commit. */
  lockUser(userId: string): Promise<Account | undefined>;
  /** Reads the user without a lock. */
  readUser(userId: string): Promise<Account | undefined>;
  insertUser(account: Account, usernameFolded: string): Promise<"inserted" | "username_taken">;
  updateUser(userId: string, patch: UserPatch): Promise<void>;
  /** Gives a user another name. Resolves to false where another user has it. */
  renameUser(userId: string, username: string, usernameFolded: string): Promise<boolean>;
  deleteUser(userId: string): Promise<void>;

  /** Locks the session until commit. */
  lockSession(sessionId: string): Promise<Session | undefined>;
  /** Locks and returns the user's unended sessions, by id (so by age). */
  lockOpenSessionsOf(userId: string): Promise<Session[]>;
  /**
   * Locks and returns up to `limit` live sessions that match and have an id
   * greater than `afterId`, and no greater than `upToId`.
   */
  lockMatching(
    filter: SessionFilter,
    liveAt: LiveAt,
    limit: number,
    afterId: string | undefined,
    upToId?: string | undefined,
  ): Promise<Session[]>;
  /**
   * `nextCheckAt`: when the sweeper first looks whether it timed out; no later
   * than `LATEST_CHECK_MS` after it would.
   */
  insertSession(session: Session, nextCheckAt: number): Promise<void>;
  updateSession(sessionId: string, patch: SessionPatch): Promise<void>;
  /**
   * Ends unended sessions and writes one SESSION_ENDED event for each. Gives
   * out revisions in commit order, so call it last. Resolves to those ended.
   */
  revokeSessions(revocations: readonly SessionRevocation[]): Promise<Session[]>;
  /** Locks up to `limit` unended sessions whose next check is due; those that another sweeper holds are left to it. */
  lockDue(now: number, limit: number): Promise<Session[]>;
  /**
   * Locks up to `limit` unended sessions of that age, in the order of ids, after `afterId`, whose answer is not known
   * to have reached a client and that are not known to have been used. Sessions that another transaction holds are left
   * out.
   */
  lockUnanswered(
    age: { readonly createdAfter: number; readonly createdBefore: number },
    limit: number,
    afterId: string | undefined,
    upToId?: string | undefined,
  ): Promise<Session[]>;
  /** Sets when to look again; no later than `LATEST_CHECK_MS` after the session would time out. */
  postponeChecks(checks: readonly { sessionId: string; nextCheckAt: number }[]): Promise<void>;
  /** Removes the user's live sessions from the hot store, because data of the user has changed. */
  forgetHot(userId: string): Promise<string[]>;
  record(events: readonly AuditEvent[]): Promise<void>;
}

/** Milliseconds from a session's timeout, if it is not used again, to the check that notices. */
export const LATEST_CHECK_MS = 60_000;

/** The moment to judge liveness at. */
export interface LiveAt {
  readonly now: number;
  readonly idleTimeoutMs: number;
}

/** A session as validation sees it, with the user as they are now. */
export interface SessionStatus {
  readonly session: Pick<
    Session,
    "id" | "userId" | "lastActivityAt" | "expiresAt" | "accessExpiresAt" | "idleTimeoutMs" | "end"
  >;
  readonly user: Pick<User, "username" | "roles">;
  /** Whether a replica may still call it live although it has ended. */
  readonly pendingInvalidation: boolean;
}

export interface Activity {
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A refresh token that a caller presents, as far as the process knows for the first time. Times are milliseconds since the epoch. */
export interface Rotation {
  readonly sessionId: string;
  /** The generation presented. */
  readonly generation: number;
  /** Id of the access token to be signed. */
  readonly jti: string;
  /** When that token expires; at the latest with the session. */
  readonly accessExpiresAt: number;
  /** The newest use of the session that the process knows of; 0: none. */
  readonly usedAt: number;
  /** When the generation presented was sent, where Postgres may not have the note yet. */
  readonly answeredAt: number | undefined;
  /** Whether it remains to be seen that the successor reaches its caller. */
  readonly isUnanswered: boolean;
  readonly ip: string;
}

/** A session with its refresh token rotated. */
export interface Rotated {
  readonly session: Session;
  readonly roles: readonly string[];
}

/** A refresh token that was sent to a caller. */
export interface Answered {
  readonly sessionId: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface SessionRevocation {
  readonly sessionId: string;
  readonly reason: EndReason;
  readonly at: number;
  readonly by: string;
  readonly ip?: string | undefined;
  readonly note?: string | undefined;
}

/** A change that the hot store has to receive: a revocation, or (without `end`) a removal. */
export interface PendingInvalidation {
  readonly sessionId: string;
  readonly userId: string;
  readonly end: SessionEnd | undefined;
  readonly accessExpiresAt: number;
  /** Which change of a live session it is: another may follow, where an end is the last. */
  readonly change?: number;
}

/** A page of the order of all revocations. */
export interface RevocationsPage {
  readonly revocations: readonly RecordedRevocation[];
  /** The newest revision; 0: no session has been revoked. Every later revocation has a greater one. */
  readonly lastRevision: bigint;
}

/** A revocation in the order of all revocations. `accessExpiresAt` is when it no longer matters. */
export interface RecordedRevocation extends PendingInvalidation {
  readonly end: SessionEnd;
  /** Whether a replica may still call the session live. */
  readonly pendingInvalidation: boolean;
}

/** The hot server that was invalidated for a session, and the change. */
export interface Told {
  readonly pendingInvalidations: Pick<PendingInvalidation, "sessionId" | "end" | "change">;
  readonly shard: number;
  readonly serverId: string;
}

export type UserPatch = Partial<
  Pick<Account, "displayName" | "roles" | "isActive" | "passwordHash">
>;

export type SessionPatch = Partial<
  Pick<Session, "refresh" | "lastActivityAt" | "jti" | "accessExpiresAt">
>;

/** Conditions joined by "and". Times are milliseconds since the epoch. */
export interface SessionFilter {
  readonly userId?: string | undefined;
  readonly state?: SessionState | undefined;
  readonly ip?: string | undefined;
  readonly clientId?: string | undefined;
  readonly createdAfter?: number | undefined;
  readonly createdBefore?: number | undefined;
  readonly inactiveSince?: number | undefined;
}

/** One page of a listing by creation. */
export interface SessionQuery {
  readonly filter: SessionFilter;
  readonly liveAt: LiveAt;
  readonly order: "created_desc" | "created_asc";
  /** The last session id of the page before. Ids are in order of creation (UUIDv7). */
  readonly after: string | undefined;
  readonly limit: number;
}
