import {
  deactivation,
  evictingLimit,
  loginsInAnOutage,
  refusedLogins,
  rejectingLimit,
  timedOutSessions,
} from "../scenarios/limit.js";
import { changeCore, changeOpenSessions, changeTransactions, changeUnlocked } from "./changes.js";
import type { Defect } from "./defect.js";

const EVERYBODY = { now: 0, idleTimeoutMs: 1_800_000 };

/** Mistakes in the limit of sessions and in logins. */
export const LIMIT_RULES: readonly Defect[] = [
  {
    name: "the limit is counted outside the lock",
    breaks: ["N1", "N3"],
    scenario: rejectingLimit,
    sabotage: () =>
      changeUnlocked((tx, store) => ({
        lockUser: (userId) => tx.readUser(userId),
        lockOpenSessionsOf: (userId) => store.liveOf(userId, EVERYBODY),
      })),
  },
  {
    name: "the limit allows one more",
    breaks: ["N1"],
    scenario: evictingLimit,
    sabotage: () => changeOpenSessions((open) => (open.length > 3 ? open : open.slice(1))),
  },
  {
    name: "the newest session is evicted instead of the oldest",
    breaks: ["N2"],
    scenario: evictingLimit,
    sabotage: () =>
      changeOpenSessions((open) => {
        const times = open.map(({ createdAt }) => createdAt).reverse();
        return open.map((session, i) => ({ ...session, createdAt: times[i] ?? 0 }));
      }),
  },
  {
    name: "a login does not name whom it evicted",
    breaks: ["N2"],
    scenario: evictingLimit,
    sabotage: () =>
      changeCore((core) => ({
        login: async (input) => ({ ...(await core.login(input)), evicted: [] }),
      })),
  },
  {
    name: "a session too many is evicted",
    breaks: ["N2"],
    scenario: evictingLimit,
    sabotage: () =>
      changeCore((core, { ports, settings }) => ({
        async login(input) {
          const output = await core.login(input);
          const now = ports.clock.now();
          const live = await ports.store.liveOf(output.user.id, { ...settings, now });
          const oldest = live.at(-1);
          if (oldest && oldest.id !== output.session.id)
            await core.end.one(oldest.id, { reason: "SESSION_LIMIT", by: "system" });
          return output;
        },
      })),
  },
  {
    name: "refused logins count as wrong passwords",
    breaks: ["N3", "O4"],
    scenario: refusedLogins,
    sabotage: () =>
      changeTransactions((tx) => ({
        concludeAttempt: (reservation) => tx.concludeAttempt(reservation, "failed"),
      })),
  },
  {
    name: "a login that an outage failed counts as a wrong password",
    breaks: ["O4"],
    scenario: loginsInAnOutage,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        throttle: {
          ...ports.throttle,
          forgive: (reservation) =>
            ports.store.transaction(async (tx) => {
              await tx.concludeAttempt(reservation, "failed");
            }),
        },
      }),
    }),
  },
  {
    name: "timed-out sessions take up room",
    breaks: ["N3"],
    scenario: timedOutSessions,
    sabotage: () =>
      changeOpenSessions((open, { clock }) =>
        open.map((session) => ({ ...session, lastActivityAt: clock.now() })),
      ),
  },
  {
    name: "a login in flight outlives its user's deactivation: the user is not locked",
    breaks: ["L1", "L2"],
    scenario: deactivation,
    sabotage: () => changeTransactions((tx) => ({ lockUser: tx.readUser })),
  },
];
