import { unavailable } from "../../../src/core/errors.js";
import type { HotAnswer, HotAsk, HotEntry, Lease } from "../../../src/core/ports/hot_store.js";
import type {
  PendingInvalidation,
  SessionRevocation,
  SessionStatus,
  SessionStore,
  SessionTransaction,
} from "../../../src/core/ports/session_store.js";
import { activityLog } from "../../../src/core/session/activity_log.js";
import type { Session } from "../../../src/core/session/session.js";
import { sessionCheck } from "../../../src/core/validation/session_check.js";
import { MINUTE, NOW } from "./samples.js";

const UNKNOWN: HotAnswer = { kind: "unknown", fillToken: "fillToken", lastActivityAt: 0 };

/** A check of sessions between stores that a test controls. */
export const checkStage = () => {
  const stage = {
    now: NOW,
    lease: { serverIds: ["s1"], epochs: ["1"] } as Lease | undefined,
    /** Undefined: the hot store fails. */
    hotAnswer: UNKNOWN as HotAnswer | undefined,
    /** Happens while the hot store thinks. */
    meanwhile: (): void => undefined,
    pendingInvalidation: false,
    settles: true,
    primaryStore: undefined as Session | undefined,
    /** The row as the transaction finds it, when it has changed since. */
    locked: undefined as Session | undefined,
    /** The questions that the hot store received. */
    asked: [] as HotAsk[],
    filled: [] as { entry: HotEntry; fillToken: string }[],
    invalidated: [] as PendingInvalidation[],
    settled: [] as PendingInvalidation[],
    ended: [] as SessionRevocation[],
    suspicions: 0,
    hotWrites: true,
  };
  const activity = activityLog({ touch: async () => [] });

  const sessionStatus = async (): Promise<SessionStatus | undefined> =>
    stage.primaryStore && {
      session: stage.primaryStore,
      user: { username: "ada", roles: ["admin"] },
      pendingInvalidation: stage.pendingInvalidation,
    };
  const tx: Pick<SessionTransaction, "lockSession" | "revokeSessions"> = {
    lockSession: async () => stage.locked ?? stage.primaryStore,
    async revokeSessions([revocation]) {
      if (revocation === undefined || stage.primaryStore === undefined) return [];
      stage.ended.push(revocation);
      return [{ ...stage.primaryStore, end: { ...revocation, revision: 1n } }];
    },
  };
  const store: Pick<SessionStore, "transaction"> = {
    transaction: (work) => work(tx as SessionTransaction),
  };
  const check = sessionCheck({
    hot: {
      async check(ask) {
        stage.asked.push(ask);
        stage.meanwhile();
        if (stage.hotAnswer === undefined) throw unavailable();
        return stage.hotAnswer;
      },
      async fill(entry, fillToken) {
        if (!stage.hotWrites) throw unavailable();
        stage.filled.push({ entry, fillToken });
      },
      async invalidate(revocations) {
        if (!stage.hotWrites) throw unavailable();
        stage.invalidated.push(...revocations);
        return [];
      },
    },
    cacheLease: {
      lease: () => stage.lease,
      holds: (lease) => lease === stage.lease,
      suspend() {
        stage.suspicions += 1;
      },
      async awaitRevoked(changes) {
        if (!stage.settles) throw unavailable();
        stage.settled.push(...changes);
      },
    },
    store,
    sessionStatus,
    activity,
    clock: { now: () => stage.now, monotonic: () => 0, sleep: async () => undefined },
    idleTimeoutMs: 30 * MINUTE,
  });
  return Object.assign(stage, { check, activity });
};
