import { type Call, requireCaller } from "../call.js";
import { CurfewError, fail, invalidField, type Reason } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { RequestKey } from "../ports/session_requests.js";
import type { SessionStore, SessionTransaction } from "../ports/session_store.js";
import type { RevokeSessions } from "../revocation/revoke_sessions.js";
import { type Session, timedOut } from "../session/session.js";
import type { CoreSettings } from "../settings.js";
import type { ExternalProfile, FindExternalUser } from "../users/external_user.js";
import { isRole, ROLE_SPELLING } from "../users/role.js";
import type { Account, ExternalIdentity } from "../users/user.js";
import type { OpenedSession, OpenSession, SessionTerms, Subject } from "./open_session.js";

/** How long a request may be repeated under its idempotency key, in milliseconds. */
export const REPEATABLE_MS = 24 * 3_600_000;
/** How far the clock of an issuer may be ahead, in milliseconds. */
const CLOCK_SKEW_MS = 5000;

export interface CreateSessionInput {
  /** A user by id, or as who the user is to another issuer. */
  readonly subject:
    | { readonly userId: string }
    | {
        readonly identity: ExternalIdentity;
        /** Undefined: nobody is made, and nothing changed. */
        readonly profile: ExternalProfile | undefined;
      };
  /** An empty `clientId` is the configured one. */
  readonly terms: SessionTerms;
  /** The issuer that asks. */
  readonly by: string;
  /** The issuer's own address, for security events of users. */
  readonly callerIp: string;
  /** Absent: the call is not to be repeated. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

/** Failures that say something of who tried to sign in: each is a security event. */
const REFUSALS: ReadonlySet<Reason> = new Set(["USER_INACTIVE", "SESSION_LIMIT_EXCEEDED"]);

/** Makes a session for a user whom the calling backend has signed in, on the path of every login (I1). */
export const createSession = (deps: {
  open: OpenSession;
  findUser: FindExternalUser;
  end: Pick<RevokeSessions, "awaitUserRevoked">;
  store: SessionStore;
  clock: Clock;
  settings: Pick<CoreSettings, "defaultClientId" | "maxLifetimeMs" | "idleTimeoutMs">;
}): ((input: CreateSessionInput, call?: Call) => Promise<OpenedSession>) => {
  const { store, clock, settings } = deps;

  /** @throws CurfewError INVALID_ARGUMENT */
  const check = ({ subject, terms }: CreateSessionInput): void => {
    const { authTime = clock.now(), maxLifetimeMs = settings.maxLifetimeMs } = terms;
    if (authTime > clock.now() + CLOCK_SKEW_MS)
      throw invalidField("auth_time", "must not be in the future");
    if (authTime + Math.min(maxLifetimeMs, settings.maxLifetimeMs) <= clock.now())
      throw invalidField("auth_time", "must be within the maximum lifetime of the session");
    const roles = "profile" in subject ? (subject.profile?.roles ?? []) : [];
    const bad = roles.findIndex((role) => !isRole(role));
    if (bad >= 0) throw invalidField(`profile.roles[${bad}]`, ROLE_SPELLING);
  };

  /** The session that an earlier call made under the same key; undefined: it has to be made. */
  const repeated = async (
    tx: SessionTransaction,
    { by, idempotency }: CreateSessionInput,
    onEnded: (session: Session) => void,
  ): Promise<Subject | undefined> => {
    if (idempotency === undefined) return undefined;
    const now = clock.now();
    const kept = await tx.claimRequest(keyOf(by, idempotency.key), idempotency.fingerprint, {
      now,
      expiresAt: now + REPEATABLE_MS,
    });
    if (kept.fingerprint !== idempotency.fingerprint)
      throw fail("ALREADY_EXISTS", { metadata: { field: "idempotency_key" } });
    if (kept.made === undefined) return undefined;
    const { sessionId, userId, endedIds } = kept.made;
    const user = await tx.lockUser(userId);
    const session = await tx.lockSession(sessionId);
    // Its tokens reached nobody (O3), so the caller is owed a session.
    if (session?.end?.reason === "LOGIN_UNANSWERED") return undefined;
    if (session?.end) onEnded(session);
    const isOver = session && timedOut(session, now, settings.idleTimeoutMs) !== undefined;
    if (user === undefined || session === undefined || session.end || isOver)
      throw fail("SESSION_REVOKED_OR_INVALID", {
        metadata: session?.end ? { end_reason: session.end.reason } : {},
      });
    const evicted = await Promise.all(endedIds.map((id) => tx.lockSession(id)));
    return {
      kind: "repeated",
      user,
      session,
      evicted: evicted.filter((one) => one !== undefined),
    };
  };

  /** Finds and locks the user, and makes one if that is asked for. */
  const userFor = async (
    tx: SessionTransaction,
    { subject, by, callerIp }: CreateSessionInput,
    onChanged: () => void,
  ): Promise<Account> => {
    if ("userId" in subject) {
      const user = await tx.lockUser(subject.userId);
      if (user === undefined) throw fail("NOT_FOUND", { metadata: { user_id: subject.userId } });
      return user;
    }
    const { identity, profile } = subject;
    const newUsername = profile?.username?.trim() || undefined;
    const isKnown = (await tx.userOfIdentity(identity)) !== undefined;
    if (!isKnown && profile && newUsername === undefined)
      throw invalidField("profile.username", "must be given to make a user");
    const found = await deps.findUser(tx, {
      identity,
      profile: profile ?? { username: undefined, displayName: undefined, roles: undefined },
      newUsername,
      by,
      ip: callerIp,
    });
    if (found.isChanged) onChanged();
    return found.user;
  };

  const make = async (
    input: CreateSessionInput,
    call: Call | undefined,
    seen: { ended: Session | undefined; isChanged: boolean },
  ): Promise<OpenedSession> => {
    const { terms, by, idempotency } = input;
    const result = await deps.open(
      {
        terms: { ...terms, clientId: terms.clientId || settings.defaultClientId, by },
        async subject(tx) {
          seen.isChanged = false;
          const again = await repeated(tx, input, (session) => {
            seen.ended = session;
          });
          if (again !== undefined) return again;
          const user = await userFor(tx, input, () => {
            seen.isChanged = true;
          });
          if (!user.isActive) throw fail("USER_INACTIVE");
          return { kind: "user", user };
        },
        async made(tx, session, ended) {
          if (idempotency === undefined) return;
          const endedIds = ended.map(({ id }) => id);
          const made = { sessionId: session.id, userId: session.userId, endedIds };
          await tx.keepRequest(keyOf(by, idempotency.key), made);
        },
      },
      call,
    );
    if (result.kind === "changed") throw new Error("the user is locked, so nothing changes it");
    if (result.kind === "refused") throw fail(result.reason);
    return result.value;
  };

  return async (input, call) => {
    requireCaller(call);
    check(input);
    const seen: { ended: Session | undefined; isChanged: boolean } = {
      ended: undefined,
      isChanged: false,
    };
    try {
      const opened = await make(input, call, seen);
      // Validations must not find the name and roles of before.
      if (seen.isChanged) await deps.end.awaitUserRevoked(opened.user.id);
      return opened;
    } catch (failure) {
      // No call says that a session has ended before all do (L2).
      if (seen.ended) await deps.end.awaitUserRevoked(seen.ended.userId);
      if (failure instanceof CurfewError && REFUSALS.has(failure.reason))
        await store.transaction(
          (tx) =>
            tx.record([
              {
                type: "LOGIN_FAILED",
                at: clock.now(),
                ...("userId" in input.subject && { userId: input.subject.userId }),
                actor: input.by,
                ip: input.terms.ip,
                reason: failure.reason,
              },
            ]),
          call,
        );
      throw failure;
    }
  };
};

const keyOf = (caller: string, key: string): RequestKey => ({ caller, key });
