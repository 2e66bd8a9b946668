import { createAsk } from "./channel/ask.js";
import { openReplicas } from "./channel/replicas.js";
import { type ActivityReporter, activityReporter, type Use } from "./local/activity_reporter.js";
import { knownSessions } from "./local/known_sessions.js";
import { createLocalCheck } from "./local/local_check.js";
import { createRevocations, withError } from "./local/revocations.js";
import { createServerClock } from "./local/server_clock.js";
import { waitUntilReady } from "./readiness.js";
import { createOnlineCheck } from "./remote/online_check.js";
import { guardSession } from "./session_guard.js";
import { followKeys } from "./token/key_set.js";
import { createTokenVerifier, hasTokenLength } from "./token/token_verifier.js";
import type { ValidSession } from "./valid_session.js";
import type { Validator } from "./validator.js";
import { outage, toValidatorError, ValidatorError } from "./validator_error.js";
import { compileOptions, type ValidatorOptions } from "./validator_options.js";
import { within } from "./within.js";

const READY_TIMEOUT_MS = 10_000;

/**
 * Creates a validator. It connects in the background; `ready` resolves when it is connected.
 *
 * @throws TypeError or RangeError for options that cannot be
 */
export const createValidator = (options: ValidatorOptions): Validator => {
  const settings = compileOptions(options);
  const { mode, audience, deadlineMs, maxSessions, onProblem } = settings;
  const isLocal = mode === "local";
  const replicas = openReplicas(settings);
  const ask = createAsk(replicas, settings.serviceKey);
  const clock = createServerClock();
  const known = knownSessions(maxSessions);
  const revocations = createRevocations({ settings, replicas, clock, known });

  const online = createOnlineCheck({
    ask,
    deadlineMs,
    maxAge: isLocal ? Math.min(settings.maxStaleness, deadlineMs) : deadlineMs,
    maxPending: settings.maxPending,
    onProblem,
    onAnswer(sentAt, { skipActivity }, { lastActivityAt }) {
      // The answer to a check that counts as a use carries Curfew's time: the time of the last use, which is this one
      // or another one that came before it.
      if (!skipActivity) clock.answered(sentAt, lastActivityAt.getTime());
      revocations.freshness.review(performance.now());
    },
  });

  const activity: ActivityReporter = activityReporter({
    record: (activities) => ask((client) => client.recordActivity, { activities }, deadlineMs),
    serverTime(local) {
      const time = clock.soonest(performance.now()) - (performance.now() - local);
      return Number.isFinite(time) ? time : undefined;
    },
    capacity: maxSessions,
    onProblem,
  });

  const keys = isLocal
    ? followKeys({
        fetchKeys: async () => (await ask((client) => client.getJwks, {}, deadlineMs)).keys,
        refreshMs: settings.keysRefreshMs,
        maxAge: settings.keysMaxAge,
        onProblem,
      })
    : undefined;
  const local =
    keys &&
    createLocalCheck({
      keys,
      verify: createTokenVerifier(keys, settings),
      known,
      ended: revocations,
      clock,
      freshness: revocations.freshness,
      activity,
      onlineCheck: online,
      audience,
      whenStale: settings.whenStale,
      profileMaxAge: settings.profileMaxAge,
      onEnded: revocations.end,
    });
  if (isLocal) revocations.follow();

  const askOnline = (token: string, skipActivity: boolean) =>
    local?.online(token, skipActivity) ??
    online.check({ accessToken: token, audience, skipActivity });

  const reaches = async (revision: bigint, signal: AbortSignal | undefined): Promise<boolean> =>
    revocations.follow().reach(revision, Math.min(deadlineMs, settings.maxStaleness), signal);

  const validate: Validator["validate"] = async (token, preferences = {}) => {
    try {
      if (!hasTokenLength(token)) throw new ValidatorError("ACCESS_TOKEN_INVALID");
      const { minRevision, fresh = false, skipActivity = false, signal } = preferences;
      const isPlain = minRevision === undefined && !fresh && !skipActivity;
      const known = isPlain ? local?.now(token) : undefined;
      if (known !== undefined) return known;
      // Alone, the question has a deadline of its own.
      if (local === undefined && signal === undefined) return await askOnline(token, skipActivity);
      const deadline = performance.now() + deadlineMs;
      const inTime = (answer: Promise<ValidSession>): Promise<ValidSession> =>
        within(answer, deadline - performance.now(), signal);
      if (local === undefined || fresh || skipActivity)
        return await inTime(askOnline(token, skipActivity));
      if (minRevision !== undefined && !(await reaches(minRevision, signal))) {
        signal?.throwIfAborted();
        if (settings.whenStale === "online") return await inTime(askOnline(token, false));
        throw outage(new Error(`The feed of revocations has not come to revision ${minRevision}`));
      }
      return local.now(token) ?? (await inTime(local.check(token)));
    } catch (error) {
      if (preferences.signal?.aborted) throw preferences.signal.reason;
      throw toValidatorError(error);
    }
  };

  const touch = (use: Use): void => {
    use.lastUse = performance.now();
    activity.used(use);
  };

  return {
    validate,
    validateNow: (token) => local?.now(token),

    watch(sessionId, onEnded) {
      revocations.follow();
      return revocations.watch(sessionId, withError(onEnded));
    },

    guard(token, session, onEnded) {
      revocations.follow();
      const { sessionId } = session;
      const use: Use = { sessionId, lastUse: performance.now(), isWaiting: false };
      return guardSession({
        session,
        onEnded,
        watch: revocations.watch,
        touch: () => touch(use),
        latest() {
          const latest = clock.latest(performance.now());
          return Number.isFinite(latest) ? latest : Date.now();
        },
        async ask() {
          await activity.flush();
          return askOnline(token, true);
        },
      });
    },

    ready: ({ timeoutMs = READY_TIMEOUT_MS } = {}) => {
      const conditions = [
        { missing: "its keys (GetJwks) are not there", holds: () => keys?.isUsable() ?? true },
        {
          missing: "the feed of revocations (WatchRevocations) says nothing",
          holds: () => !isLocal || !revocations.freshness.isSilent(performance.now()),
        },
      ];
      return waitUntilReady(ask, settings, conditions, timeoutMs);
    },

    get state() {
      const now = performance.now();
      return {
        mode,
        isConnected: replicas.isConnected(),
        feed: revocations.feedState(now),
        stalenessMs: revocations.freshness.age(now),
        revision: revocations.feed()?.revision() ?? 0n,
        hasKeys: keys?.isUsable() ?? false,
        sessions: known.size,
        endedSessions: revocations.size(),
      };
    },

    async close() {
      await activity.flush().catch(onProblem);
      activity.close();
      online.close();
      revocations.close();
      keys?.close();
      replicas.close();
    },
  };
};
