import { fail, unavailable } from "../../../src/core/errors.js";
import type { HotTrust } from "../../../src/core/hot_trust.js";
import { issueTokens } from "../../../src/core/issue_tokens.js";
import { type LoginInput, login } from "../../../src/core/login.js";
import type { ThrottleVerdict } from "../../../src/core/ports/login_throttle.js";
import type { Unburied } from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session.js";
import type { CoreSettings } from "../../../src/core/settings.js";
import type { Account } from "../../../src/core/user.js";
import { memoryTruth } from "./memory_truth.js";
import { account, NOW, SETTINGS } from "./samples.js";

export const ADDRESS = "192.0.2.1";

/**
 * Logins of one user, `ada`, whose password is `right`, on a clock that a test
 * moves. The hasher knows what a hash is of by its text: `hash of right`.
 */
export const loginStage = (
  given: {
    readonly user?: Partial<Account>;
    readonly sessions?: readonly Session[];
    readonly settings?: Partial<CoreSettings>;
  } = {},
) => {
  const settings = { ...SETTINGS, ...given.settings };
  const truth = memoryTruth([account(given.user)], given.sessions);
  const stage = {
    now: NOW,
    verdict: { retryAfterMs: 0, locked: false } as ThrottleVerdict,
    /** What the throttle was told, in order: `attempt`, `forgive`, `clear`. */
    throttled: [] as string[],
    /** The hashes that passwords were checked against. */
    checked: [] as (string | undefined)[],
    /** Whether the hasher turns everybody away. */
    isBusy: false,
    /** Whether right passwords have hashes weaker than today's. */
    isOldHash: false,
    /** Happens while a password is checked. */
    meanwhile: (): void => undefined,
    settles: true,
    settled: [] as Unburied[],
    /** Uses that the hot store knows of, by session. */
    hotActivity: new Map<string, number>(),
    signs: true,
  };
  const trust: Pick<HotTrust, "settle"> = {
    async settle(changes, timeoutMs) {
      const waits = changes.length === 0 || timeoutMs === settings.consistencyTimeoutMs;
      if (!waits || (!stage.settles && changes.length > 0)) throw unavailable();
      stage.settled.push(...changes);
    },
  };
  const name = (username: string, ip: string) => `${username} from ${ip}`;
  let ids = 0;
  const act = login({
    store: truth.store,
    users: {
      findByUsername: async (folded) => truth.accountNamed(folded),
      get: async () => undefined,
      getAccount: async () => undefined,
      list: async () => ({ users: [], next: undefined }),
      isEmpty: async () => false,
    },
    throttle: {
      async attempt(username, ip) {
        stage.throttled.push(`attempt ${name(username, ip)}`);
        return stage.verdict;
      },
      async forgive(username, ip, clear) {
        stage.throttled.push(`${clear ? "clear" : "forgive"} ${name(username, ip)}`);
      },
      unlock: async () => undefined,
      prune: async () => undefined,
    },
    hasher: {
      hash: async (password) => `new hash of ${password}`,
      async verify(password, encoded) {
        if (stage.isBusy) throw fail("TOO_MANY_ATTEMPTS", { retryAfterMs: 1000 });
        stage.checked.push(encoded);
        stage.meanwhile();
        const ok = encoded?.endsWith(`hash of ${password}`) ?? false;
        return { ok, needsRehash: ok && stage.isOldHash };
      },
    },
    issue: issueTokens({
      signer: {
        async sign(claims) {
          if (!stage.signs) throw new Error("there is no key");
          return JSON.stringify(claims);
        },
      },
      codec: { mint: (content) => JSON.stringify(content), parse: () => undefined },
      settings,
    }),
    trust: trust as HotTrust,
    withRecentActivity: async (sessions) =>
      sessions.map((one) => ({
        ...one,
        lastActivityAt: Math.max(one.lastActivityAt, stage.hotActivity.get(one.id) ?? 0),
      })),
    ids: { next: () => `id ${++ids}` },
    clock: { now: () => stage.now, monotonic: () => 0, sleep: async () => undefined },
    settings,
  });
  return Object.assign(stage, {
    truth,
    login: (password = "right", username = "ada", how: Partial<LoginInput> = {}) =>
      act({ username, password, device: "laptop", ip: ADDRESS, userAgent: "browser", ...how }),
    /** The user changes, as by a call that comes between. */
    change(patch: Partial<Account>) {
      truth.before.push(({ accounts }) => {
        const user = accounts.get("user");
        if (user !== undefined) accounts.set("user", { ...user, ...patch });
      });
    },
    live: () =>
      truth
        .sessions()
        .filter(({ end }) => end === undefined)
        .map(({ id }) => id),
  });
};
