import { activityLog } from "./activity_log.js";
import { createAnswerLog } from "./answer_log.js";
import { bootstrapAdmin } from "./bootstrap_admin.js";
import { changePassword } from "./change_password.js";
import { cleanup } from "./cleanup.js";
import { currentSessions } from "./current_sessions.js";
import { endSessions } from "./end_sessions.js";
import { overloaded } from "./errors.js";
import { explainToken } from "./explain_token.js";
import { type HotTrust, hotTrust } from "./hot_trust.js";
import { issueTokens } from "./issue_tokens.js";
import { listSessions } from "./list_sessions.js";
import { liveSessions } from "./live_sessions.js";
import { login } from "./login.js";
import { logout } from "./logout.js";
import { manageUsers } from "./manage_users.js";
import { createPasswordAttempts } from "./password_attempt.js";
import { contextWords, type PasswordPolicy } from "./password_policy.js";
import { perTurn } from "./per_turn.js";
import type { AuditLog } from "./ports/audit_log.js";
import type { HotStore } from "./ports/hot_store.js";
import type { IdSource } from "./ports/id_source.js";
import type { LoginThrottle } from "./ports/login_throttle.js";
import type { PasswordHasher } from "./ports/password_hasher.js";
import type { RefreshTokenCodec } from "./ports/refresh_token_codec.js";
import type { ReplicaRegistry } from "./ports/replica_registry.js";
import type { SessionStore, Standing } from "./ports/session_store.js";
import type { TokenSigner } from "./ports/token_signer.js";
import type { TokenVerifier } from "./ports/token_verifier.js";
import type { UserStore } from "./ports/user_store.js";
import type { WorkClass } from "./ports/work_class.js";
import { withRecentActivity } from "./recent_activity.js";
import { recordActivity } from "./record_activity.js";
import { refreshTokens } from "./refresh_tokens.js";
import { sessionCheck } from "./session_check.js";
import { sessionEventsFeed } from "./session_events_feed.js";
import { sessionStats } from "./session_stats.js";
import type { CoreSettings } from "./settings.js";
import type { SharedClock } from "./shared_clock.js";
import { createUnansweredLogins } from "./unanswered_logins.js";
import { type PatternRound, unusualPatterns } from "./unusual_patterns.js";
import { validateToken, validateTokens } from "./validate_token.js";

/** What the core reads and writes in the primary store on behalf of callers and in the background. */
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
  readonly codec: RefreshTokenCodec;
  readonly hasher: PasswordHasher;
  readonly isCommonPassword: PasswordPolicy["isCommon"];
  readonly ids: IdSource;
  readonly clock: SharedClock;
  /** Calls back at the end of the event-loop turn. */
  readonly schedule: (task: () => void) => void;
  /** Told of what happened, as far as this replica was the one to look through it. */
  readonly onEvents?: (round: PatternRound) => void;
}

/** Doubts that wait for Postgres at most; the rest are answered OVERLOADED at once, so that no queue grows. */
const MOST_DOUBTS = 5000;
/** Statements that look at doubts at once, so that a lost hot store does not become a lost Postgres. */
const MOST_DOUBT_STATEMENTS = 4;
const MOST_DOUBTS_IN_STATEMENT = 500;

export type UseCases = ReturnType<typeof createUseCases>;

/** What Curfew does, made of its parts. */
export const createUseCases = (given: Ports, settings: CoreSettings) => {
  const { hot, clock } = given;
  const portsFor = (work: WorkClass): Ports => ({ ...given, ...given.forWork?.(work) });
  const control = portsFor("control");
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
    consistencyTimeoutMs,
  });
  const trust = hotTrust(control);
  /** The same, but what a caller has to wait for is done in the class of its own work. */
  const trustOf = ({ store }: Ports): HotTrust => ({
    ...trust,
    settle: (changes, timeoutMs) => trust.settle(changes, timeoutMs, store),
  });
  const recent = withRecentActivity({ hot, trust, activity, clock });
  const current = currentSessions({ store, trust: trustOf(ports), withRecentActivity: recent });
  const standing = perTurn<string, Standing | undefined>({
    run: (sessionIds) => validation.store.standings(sessionIds),
    maxBatch: MOST_DOUBTS_IN_STATEMENT,
    maxInFlight: MOST_DOUBT_STATEMENTS,
    schedule: ports.schedule,
    limit: {
      maxWaiting: MOST_DOUBTS,
      error: () => overloaded(undefined, "too many doubts waiting"),
    },
  });
  const check = sessionCheck({
    ...validation,
    trust: trustOf(validation),
    standing,
    activity,
    idleTimeoutMs,
  });
  const live = liveSessions({ hot, trust, activity });
  const validate = validateToken({ ...ports, check });
  const end = endSessions({ store, trust: trustOf(ports), clock, idleTimeoutMs });
  const issue = issueTokens({ ...ports, settings });
  const { tryPassword, requireSource, flushForgiven } = createPasswordAttempts(signIn);
  const findPatterns = unusualPatterns(background, ports.onEvents);
  /** A machine that was suspended is late: nothing is judged before Postgres has told the time. */
  const onTime =
    <Args extends unknown[], Output>(act: (...args: Args) => Promise<Output>) =>
    (...args: Args): Promise<Output> =>
      clock.isSynchronised() ? act(...args) : trust.knowTime().then(() => act(...args));

  return {
    login: onTime(
      login({
        ...signIn,
        answers,
        unanswered,
        tryPassword,
        issue,
        trust: trustOf(signIn),
        withRecentActivity: recent,
        settings,
      }),
    ),
    refreshTokens: onTime(
      refreshTokens({
        ...signIn,
        issue,
        trust: trustOf(signIn),
        activity,
        answers,
        withRecentActivity: recent,
        settings,
      }),
    ),
    logout: logout({ ...ports, end }),
    validateToken: onTime(validate),
    validateTokens: onTime(validateTokens({ ...ports, live, validate })),
    recordActivity: onTime(recordActivity({ check, clock })),
    changePassword: changePassword({ ...ports, tryPassword, end, passwordPolicy }),
    users: manageUsers({ ...ports, end, passwordPolicy }),
    end,
    listSessions: listSessions({ store, clock, idleTimeoutMs }),
    currentSessions: current,
    explainToken: onTime(explainToken({ ...ports, check, current })),
    sessionStats: sessionStats({ ...ports, idleTimeoutMs, findPatterns }),
    /** Kept going by the server: looks for unusual patterns, and tells watchers what happens. */
    findPatterns,
    sessionEvents: sessionEventsFeed({ ...background, retentionMs: settings.auditRetentionMs }),
    cleanup: cleanup({ ...background, unanswered, withRecentActivity: recent, settings }),
    /** Kept going by the server: forgives login attempts that an outage kept from being forgiven. */
    flushForgivenAttempts: flushForgiven,
    requireSource,
    bootstrapAdmin: bootstrapAdmin(ports),
    /** Counts a use of a session that was found live a moment ago; returns at once. */
    noteUse: (sessionId: string): void => {
      check(sessionId, clock.now()).catch(() => undefined);
    },
    /** Kept going by the server: the trust in the hot store, and notes of uses and answers on their way to Postgres. */
    trust,
    activity,
    answers,
    unanswered,
  };
};
