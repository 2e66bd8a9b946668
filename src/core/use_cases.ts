import { createBatcher } from "./batcher.js";
import { overloaded } from "./errors.js";
import { sessionEventsFeed } from "./events/session_events_feed.js";
import { sessionStats } from "./events/session_stats.js";
import { type PatternRound, unusualPatterns } from "./events/unusual_patterns.js";
import { createExchangeThrottle } from "./exchange/exchange_throttle.js";
import { exchangeToken } from "./exchange/exchange_token.js";
import { createSession } from "./login/create_session.js";
import { issueTokens } from "./login/issue_tokens.js";
import { login } from "./login/login.js";
import { openSession } from "./login/open_session.js";
import { createPasswordAttempts } from "./login/password_attempt.js";
import { contextWords, type PasswordPolicy } from "./login/password_policy.js";
import { createUnansweredLogins } from "./login/unanswered_logins.js";
import type { AuditLog } from "./ports/audit_log.js";
import type { HotStore } from "./ports/hot_store.js";
import type { IdSource } from "./ports/id_source.js";
import type { LoginThrottle } from "./ports/login_throttle.js";
import type { PasswordHasher } from "./ports/password_hasher.js";
import type { RefreshTokenCodec } from "./ports/refresh_token_codec.js";
import type { ReplicaRegistry } from "./ports/replica_registry.js";
import type { SessionStatus, SessionStore } from "./ports/session_store.js";
import type { SubjectTokenVerifier } from "./ports/subject_token_verifier.js";
import type { TokenSigner } from "./ports/token_signer.js";
import type { TokenVerifier } from "./ports/token_verifier.js";
import type { UserStore } from "./ports/user_store.js";
import type { WorkClass } from "./ports/work_class.js";
import { createAnswerLog } from "./refresh/answer_log.js";
import { createRefreshThrottle } from "./refresh/refresh_throttle.js";
import { refreshTokens } from "./refresh/refresh_tokens.js";
import { type CacheLease, createCacheLease } from "./revocation/cache_lease.js";
import { logout } from "./revocation/logout.js";
import { withReadLease } from "./revocation/read_lease.js";
import { revokeSessions } from "./revocation/revoke_sessions.js";
import { activityLog } from "./session/activity_log.js";
import { cleanup } from "./session/cleanup.js";
import { currentSessions } from "./session/current_sessions.js";
import { enforceLimit } from "./session/enforce_limit.js";
import { listSessions } from "./session/list_sessions.js";
import { withRecentActivity } from "./session/recent_activity.js";
import { recordActivity } from "./session/record_activity.js";
import type { CoreSettings } from "./settings.js";
import type { SharedClock } from "./shared_clock.js";
import { bootstrapAdmin } from "./users/bootstrap_admin.js";
import { changePassword } from "./users/change_password.js";
import { findExternalUser } from "./users/external_user.js";
import { linkIdentities } from "./users/link_identities.js";
import { manageUsers } from "./users/manage_users.js";
import { explainToken } from "./validation/explain_token.js";
import { liveSessions } from "./validation/live_sessions.js";
import { sessionCheck } from "./validation/session_check.js";
import { validateRefreshToken } from "./validation/validate_refresh_token.js";
import { validateToken, validateTokens } from "./validation/validate_token.js";

/** The ports of the primary store that the core uses for callers and in the background. */
export interface PrimaryPorts {
  readonly store: SessionStore;
  readonly users: UserStore;
  readonly audit: AuditLog;
  readonly throttle: LoginThrottle;
}

/** Everything the core needs from outside. */
export interface Ports extends PrimaryPorts {
  /** The primary store for a class of work, which waits for no other class (O2). Absent: the same for all. */
  readonly forWork?: (work: WorkClass) => PrimaryPorts;
  readonly registry: ReplicaRegistry;
  readonly hot: HotStore;
  readonly signer: TokenSigner;
  readonly verifier: TokenVerifier;
  readonly subjectTokens: SubjectTokenVerifier;
  readonly codec: RefreshTokenCodec;
  readonly hasher: PasswordHasher;
  readonly isCommonPassword: PasswordPolicy["isCommon"];
  readonly ids: IdSource;
  readonly clock: SharedClock;
  /** Calls back at the end of the event-loop turn. */
  readonly schedule: (task: () => void) => void;
  /** Called with the result of each round in which this replica searched the events. */
  readonly onEvents?: (round: PatternRound) => void;
}

/**
 * The maximum number of cache misses that wait for Postgres. Further ones are answered OVERLOADED at once, so that no
 * queue grows.
 */
const MAX_MISSES = 5000;
/**
 * The maximum number of concurrent statements for cache misses, so that the loss of the hot store does not overload
 * Postgres.
 */
const MAX_MISS_STATEMENTS = 4;
const MAX_MISSES_IN_STATEMENT = 500;

export type UseCases = ReturnType<typeof createUseCases>;

/** What Curfew does, made of its parts. */
export const createUseCases = (given: Ports, settings: CoreSettings) => {
  const { hot, clock } = given;
  const primaryFor = (work: WorkClass): PrimaryPorts => {
    const { store, users, audit, throttle } = given.forWork?.(work) ?? given;
    return { store, users, audit, throttle };
  };
  const cacheLease = createCacheLease({ ...given, ...primaryFor("control") });
  const leased = (work: WorkClass): PrimaryPorts => withReadLease(primaryFor(work), cacheLease);
  const portsFor = (work: WorkClass): Ports => ({ ...given, ...leased(work) });
  const validation = portsFor("validation");
  const signIn = portsFor("sign_in");
  const background = portsFor("background");
  const ports = portsFor("administration");
  const { store } = ports;
  const { idleTimeoutMs } = settings;
  const passwordPolicy = {
    minLength: settings.passwordMinLength,
    isCommon: ports.isCommonPassword,
    contextWords: contextWords(
      "curfew",
      settings.issuer,
      settings.audience,
      ...settings.passwordContextWords,
    ),
  };
  const activity = activityLog(background.store);
  const answers = createAnswerLog(background.store);
  const { consistencyTimeoutMs } = settings;
  const unanswered = createUnansweredLogins({
    store: signIn.store,
    answers,
    clock,
    steadyForMs: cacheLease.steadyForMs,
    consistencyTimeoutMs,
  });
  /** The same, with the work that a caller waits for in the class of that caller. */
  const cacheLeaseFor = ({ store }: Ports): CacheLease => ({
    ...cacheLease,
    awaitRevoked: (changes, timeoutMs) => cacheLease.awaitRevoked(changes, timeoutMs, store),
  });
  const recent = withRecentActivity({ hot, cacheLease, activity, clock });
  const current = currentSessions({
    store,
    cacheLease: cacheLeaseFor(ports),
    withRecentActivity: recent,
  });
  const sessionStatus = createBatcher<string, SessionStatus | undefined>({
    run: (sessionIds) => validation.store.sessionStatuses(sessionIds),
    maxBatch: MAX_MISSES_IN_STATEMENT,
    maxInFlight: MAX_MISS_STATEMENTS,
    schedule: ports.schedule,
    limit: {
      maxWaiting: MAX_MISSES,
      error: () => overloaded(undefined, "too many cache misses waiting"),
    },
  });
  const check = sessionCheck({
    ...validation,
    cacheLease: cacheLeaseFor(validation),
    sessionStatus,
    activity,
    idleTimeoutMs,
  });
  const live = liveSessions({ hot, cacheLease, activity });
  const validate = validateToken({ ...ports, check });
  const end = revokeSessions({ store, cacheLease: cacheLeaseFor(ports), clock, idleTimeoutMs });
  const issue = issueTokens({ ...ports, settings });
  const { tryPassword, requireSource, flushForgiven } = createPasswordAttempts(signIn);
  const findPatterns = unusualPatterns(background, ports.onEvents);
  /** A machine that was suspended has an outdated clock: nothing is validated before Postgres has supplied the time. */
  const onTime =
    <Args extends unknown[], Output>(act: (...args: Args) => Promise<Output>) =>
    (...args: Args): Promise<Output> =>
      clock.isSynchronised() ? act(...args) : cacheLease.knowTime().then(() => act(...args));

  const open = openSession({
    ...signIn,
    answers,
    unanswered,
    issue,
    cacheLease: cacheLeaseFor(signIn),
    withRecentActivity: recent,
    settings,
  });

  return {
    login: onTime(login({ ...signIn, open, tryPassword, settings })),
    exchangeToken: onTime(
      exchangeToken({
        ...signIn,
        verifier: ports.subjectTokens,
        open,
        findUser: findExternalUser(signIn),
        end,
        throttle: createExchangeThrottle(clock),
        unanswered,
        withRecentActivity: recent,
        settings,
      }),
    ),
    createSession: onTime(
      createSession({ ...signIn, open, findUser: findExternalUser(signIn), end, settings }),
    ),
    refreshTokens: onTime(
      refreshTokens({
        ...signIn,
        issue,
        cacheLease: cacheLeaseFor(signIn),
        activity,
        answers,
        throttle: createRefreshThrottle(clock),
        withRecentActivity: recent,
        settings,
      }),
    ),
    logout: logout({ ...ports, end }),
    validateToken: onTime(validate),
    validateTokens: onTime(validateTokens({ ...ports, live, validate })),
    validateRefreshToken: onTime(
      validateRefreshToken({ ...validation, check, answers, graceMs: settings.graceMs }),
    ),
    recordActivity: onTime(recordActivity({ check, clock })),
    changePassword: changePassword({ ...ports, tryPassword, end, passwordPolicy }),
    users: manageUsers({ ...ports, end, passwordPolicy }),
    identities: linkIdentities(ports),
    end,
    listSessions: listSessions({ store, clock, idleTimeoutMs }),
    currentSessions: current,
    explainToken: onTime(explainToken({ ...ports, check, current })),
    sessionStats: sessionStats({ ...ports, idleTimeoutMs, findPatterns }),
    /** Run in the background by the server: it searches for unusual patterns and notifies watchers of events. */
    findPatterns,
    sessionEvents: sessionEventsFeed({ ...background, retentionMs: settings.auditRetentionMs }),
    /** Kept going by the server: ends sessions over a limit that was lowered. */
    enforceLimit: enforceLimit({
      ...background,
      cacheLease: cacheLeaseFor(background),
      unanswered,
      withRecentActivity: recent,
      settings,
    }),
    cleanup: cleanup({ ...background, unanswered, withRecentActivity: recent, settings }),
    /** Kept going by the server: forgives login attempts that an outage kept from being forgiven. */
    flushForgivenAttempts: flushForgiven,
    requireSource,
    bootstrapAdmin: bootstrapAdmin(ports),
    /** Counts a use of a session that was found live a moment ago; returns at once. */
    noteUse: (sessionId: string): void => {
      check(sessionId, clock.now()).catch(() => undefined);
    },
    /** The primary store for a class of work, for callers beside these use cases. */
    leased,
    /** Maintained by the server: the cache lease, and the records of uses and answers on their way to Postgres. */
    cacheLease,
    activity,
    answers,
    unanswered,
  };
};
