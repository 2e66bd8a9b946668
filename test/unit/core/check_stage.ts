import { activityLog } from "../../../src/core/activity_log.js";
import { unavailable } from "../../../src/core/errors.js";
import type { HotAnswer, HotAsk, HotEntry, Lease } from "../../../src/core/ports/hot_store.js";
import type {
  Ending,
  SessionStore,
  SessionTransaction,
  Standing,
  Unburied,
} from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session.js";
import { sessionCheck } from "../../../src/core/session_check.js";
import { MINUTE, NOW } from "./samples.js";

const UNKNOWN: HotAnswer = { kind: "unknown", ticket: "ticket", lastActivityAt: 0 };

/** A check of sessions between stores that do what a test says. */
export const checkStage = () => {
  const stage = {
    now: NOW,
    lease: { serverIds: ["s1"], epochs: ["1"] } as Lease | undefined,
    /** Undefined: the hot store fails. */
    hotAnswer: UNKNOWN as HotAnswer | undefined,
    /** Happens while the hot store thinks. */
    meanwhile: (): void => undefined,
    withinReach: false,
    settles: true,
    truth: undefined as Session | undefined,
    /** The row as the transaction finds it, when it has changed since. */
    locked: undefined as Session | undefined,
    /** What the hot store was asked. */
    asked: [] as HotAsk[],
    filled: [] as { entry: HotEntry; ticket: string }[],
    buried: [] as Unburied[],
    settled: [] as Unburied[],
    ended: [] as Ending[],
    suspicions: 0,
    hotWrites: true,
  };
  const activity = activityLog({ touch: async () => [] });

  const standing = async (): Promise<Standing | undefined> =>
    stage.truth && {
      session: stage.truth,
      user: { username: "ada", roles: ["admin"] },
      withinReach: stage.withinReach,
    };
  const tx: Pick<SessionTransaction, "lockSession" | "endSessions"> = {
    lockSession: async () => stage.locked ?? stage.truth,
    async endSessions([ending]) {
      if (ending === undefined || stage.truth === undefined) return [];
      stage.ended.push(ending);
      return [{ ...stage.truth, end: { ...ending, revision: 1n } }];
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
      async fill(entry, ticket) {
        if (!stage.hotWrites) throw unavailable();
        stage.filled.push({ entry, ticket });
      },
      async bury(endings) {
        if (!stage.hotWrites) throw unavailable();
        stage.buried.push(...endings);
        return [];
      },
    },
    trust: {
      lease: () => stage.lease,
      holds: (lease) => lease === stage.lease,
      suspect() {
        stage.suspicions += 1;
      },
      async settle(changes) {
        if (!stage.settles) throw unavailable();
        stage.settled.push(...changes);
      },
    },
    store,
    standing,
    activity,
    clock: { now: () => stage.now, monotonic: () => 0, sleep: async () => undefined },
    idleTimeoutMs: 30 * MINUTE,
  });
  return Object.assign(stage, { check, activity });
};
