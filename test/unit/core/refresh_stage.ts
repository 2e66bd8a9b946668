import type { Call } from "../../../src/core/call.js";
import { unavailable } from "../../../src/core/errors.js";
import { issueTokens } from "../../../src/core/login/issue_tokens.js";
import type { RefreshTokenCodec } from "../../../src/core/ports/refresh_token_codec.js";
import type { PendingInvalidation, SessionStore } from "../../../src/core/ports/session_store.js";
import { createAnswerLog } from "../../../src/core/refresh/answer_log.js";
import { createRefreshThrottle } from "../../../src/core/refresh/refresh_throttle.js";
import { type RefreshInput, refreshTokens } from "../../../src/core/refresh/refresh_tokens.js";
import type { CacheLease } from "../../../src/core/revocation/cache_lease.js";
import { activityLog } from "../../../src/core/session/activity_log.js";
import type { Session } from "../../../src/core/session/session.js";
import { memoryPrimaryStore } from "./memory_primary_store.js";
import { account, HOUR, NOW, SETTINGS, session } from "./samples.js";

/** Refresh tokens that carry their content in the open: session, generation, key. */
const codec: RefreshTokenCodec = {
  mint: ({ sessionId, generation, keyTag }) => `${sessionId}/${generation}/${keyTag ?? "new key"}`,
  parse(token) {
    const [sessionId = "", generation, keyTag] = token.split("/");
    return keyTag === undefined ? undefined : { sessionId, generation: Number(generation), keyTag };
  },
};

/**
 * The exchange of refresh tokens of one session, on a clock that a test moves.
 *
 * @param wrapStore breaks or delays transactions
 */
export const refreshStage = (
  given: Partial<Session> = {},
  wrapStore: (store: SessionStore) => SessionStore = (store) => store,
) => {
  const primaryStore = memoryPrimaryStore([account()], [session(given)]);
  const stage = {
    now: NOW,
    /** Whether revocations get invalidated in every cache in time. */
    settles: true,
    settled: [] as PendingInvalidation[],
    /** The newest use of the session that the hot store knows of. */
    hotActivityAt: 0,
    hotQuestions: 0,
    signed: 0,
  };
  const activity = activityLog({ touch: async () => [] });
  const store = wrapStore(primaryStore.store);
  const cacheLease: Pick<CacheLease, "awaitRevoked"> = {
    async awaitRevoked(changes, timeoutMs) {
      if (!stage.settles || timeoutMs !== SETTINGS.consistencyTimeoutMs) throw unavailable();
      stage.settled.push(...changes);
    },
  };
  let ids = 0;
  /** A process: its memory of answers ends with it. */
  const startReplica = () => {
    const answers = createAnswerLog(store);
    const clock = {
      now: () => stage.now,
      monotonic: () => stage.now,
      sleep: async () => undefined,
    };
    const refresh = refreshTokens({
      store,
      codec,
      issue: issueTokens({
        signer: {
          async sign(claims) {
            stage.signed += 1;
            return JSON.stringify(claims);
          },
        },
        codec,
        settings: SETTINGS,
      }),
      cacheLease: cacheLease as CacheLease,
      activity,
      answers,
      async withRecentActivity(sessions) {
        stage.hotQuestions += 1;
        return sessions.map((one) => ({
          ...one,
          lastActivityAt: Math.max(one.lastActivityAt, stage.hotActivityAt),
        }));
      },
      ids: { next: () => `id ${++ids}` },
      clock,
      throttle: createRefreshThrottle(clock),
      schedule: setImmediate,
      settings: SETTINGS,
    });
    return { answers, refresh };
  };
  let replica = startReplica();
  return Object.assign(stage, {
    primaryStore,
    activity,
    /** Ends the process as kill -9 does, and starts another. */
    crash: (): void => {
      replica = startReplica();
    },
    flushAnswers: () => replica.answers.flush(),
    /** Presents a token as a client of this address. */
    present: (refreshToken: string, how: Partial<RefreshInput> = {}, call?: Call) =>
      replica.refresh({ refreshToken, ip: "192.0.2.1", ...how }, call),
    /** Presents generation `generation` of the session. */
    use: (generation: number, call?: Call) =>
      replica.refresh({ refreshToken: `session/${generation}/key`, ip: "192.0.2.1" }, call),
  });
};

export const IDLE = SETTINGS.idleTimeoutMs;
export const MAXIMUM = NOW + 168 * HOUR;
