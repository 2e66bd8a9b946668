import type { Call } from "../../../src/core/call.js";
import { fail, unavailable } from "../../../src/core/errors.js";
import { issueTokens } from "../../../src/core/login/issue_tokens.js";
import { type LoginInput, login } from "../../../src/core/login/login.js";
import { openSession } from "../../../src/core/login/open_session.js";
import { createPasswordAttempts } from "../../../src/core/login/password_attempt.js";
import { createUnansweredLogins } from "../../../src/core/login/unanswered_logins.js";
import type { Admission } from "../../../src/core/ports/login_throttle.js";
import type { PasswordHasher } from "../../../src/core/ports/password_hasher.js";
import type { PendingInvalidation, SessionStore } from "../../../src/core/ports/session_store.js";
import { createAnswerLog } from "../../../src/core/refresh/answer_log.js";
import type { CacheLease } from "../../../src/core/revocation/cache_lease.js";
import type { Session } from "../../../src/core/session/session.js";
import type { CoreSettings } from "../../../src/core/settings.js";
import type { Account } from "../../../src/core/users/user.js";
import { memoryPrimaryStore } from "./memory_primary_store.js";
import { account, MINUTE, NOW, SETTINGS } from "./samples.js";

export const ADDRESS = "192.0.2.1";

/**
 * Logins of one user, `ada`, whose password is `right`, on a clock that a test moves. The text of a hash names its
 * password: `hash of right`.
 */
export const loginStage = (
  given: {
    readonly user?: Partial<Account>;
    readonly sessions?: readonly Session[];
    readonly settings?: Partial<CoreSettings>;
    /** Breaks or delays transactions. */
    readonly wrapStore?: (store: SessionStore) => SessionStore;
  } = {},
) => {
  const settings = { ...SETTINGS, ...given.settings };
  const primaryStore = memoryPrimaryStore([account(given.user)], given.sessions);
  const stage = {
    now: NOW,
    /** Why the throttle refuses every attempt, if it does. */
    refusal: undefined as "account_refused" | "source_refused" | undefined,
    /** The reservations and their conclusions, in order; within transactions only if they commit. */
    throttled: primaryStore.attempts,
    lockedForMs: 5000,
    steadyForMs: Number.POSITIVE_INFINITY,
    refusedFor: "failures" as "failures" | "busy",
    /** Failures that lock the account. */
    perAccount: 5,
    /** How often the throttle fails to forgive before it succeeds. */
    failingForgiveness: 0,
    /** The hashes that passwords were checked against. */
    checked: [] as (string | undefined)[],
    /** Whether the hasher turns everybody away. */
    isBusy: false,
    /** Whether right passwords have hashes weaker than today's. */
    isOldHash: false,
    /** Happens while a password is checked. */
    meanwhile: (): void => undefined,
    settles: true,
    settled: [] as PendingInvalidation[],
    /** Uses that the hot store knows of, by session. */
    hotActivity: new Map<string, number>(),
    signs: true,
  };
  const cacheLease: Pick<CacheLease, "awaitRevoked"> = {
    async awaitRevoked(changes, timeoutMs) {
      const waits = changes.length === 0 || timeoutMs === settings.consistencyTimeoutMs;
      if (!waits || (!stage.settles && changes.length > 0)) throw unavailable();
      stage.settled.push(...changes);
    },
  };
  const hasher: PasswordHasher = {
    hash: async (password) => `new hash of ${password}`,
    async verify(password, encoded) {
      if (stage.isBusy) throw fail("TOO_MANY_ATTEMPTS", { retryAfterMs: 1000 });
      stage.checked.push(encoded);
      stage.meanwhile();
      const ok = encoded?.endsWith(`hash of ${password}`) ?? false;
      return { ok, needsRehash: ok && stage.isOldHash };
    },
  };
  const clock = { now: () => stage.now, monotonic: () => stage.now, sleep: async () => undefined };
  let ids = 0;
  const store = given.wrapStore?.(primaryStore.store) ?? primaryStore.store;
  const { consistencyTimeoutMs } = settings;
  const answers = createAnswerLog(store);
  const unanswered = createUnansweredLogins({
    store,
    answers,
    clock,
    steadyForMs: () => stage.steadyForMs,
    consistencyTimeoutMs,
  });
  const attempts = createPasswordAttempts({
    store,
    throttle: {
      async reserve(usernameFolded, ip): Promise<Admission> {
        primaryStore.attempts.push("reserved");
        const reservation = {
          id: "attempt",
          accountKey: usernameFolded,
          sourceKey: ip,
          limits: { perAccount: stage.perAccount, perSource: 100, windowMs: MINUTE },
        };
        return stage.refusal === undefined
          ? { kind: "reserved", reservation }
          : {
              kind: stage.refusal,
              reservation,
              refusal: { cause: stage.refusedFor, retryAfterMs: stage.lockedForMs },
            };
      },
      async forgive(_, outcome) {
        if (stage.failingForgiveness-- > 0) throw unavailable();
        primaryStore.attempts.push(outcome);
      },
      prune: async () => undefined,
    },
    hasher,
    clock,
  });
  const issue = issueTokens({
    signer: {
      async sign(claims) {
        if (!stage.signs) throw new Error("there is no key");
        return JSON.stringify(claims);
      },
    },
    codec: { mint: (content) => JSON.stringify(content), parse: () => undefined },
    settings,
  });
  const open = openSession({
    store,
    answers,
    unanswered,
    issue,
    cacheLease: cacheLease as CacheLease,
    withRecentActivity: async (sessions) =>
      sessions.map((one) => ({
        ...one,
        lastActivityAt: Math.max(one.lastActivityAt, stage.hotActivity.get(one.id) ?? 0),
      })),
    ids: { next: () => `id ${++ids}` },
    clock,
    settings,
  });
  const act = login({
    open,
    users: {
      findByUsername: async (folded) => primaryStore.accountNamed(folded),
      get: async () => undefined,
      getAccount: async () => undefined,
      list: async () => ({ users: [], next: undefined }),
      identitiesOf: async () => new Map(),
      isEmpty: async () => false,
    },
    ...attempts,
    hasher,
    settings,
  });
  return Object.assign(stage, {
    primaryStore,
    flushForgiven: attempts.flushForgiven,
    answers,
    unanswered,
    login: (
      password = "right",
      username = "ada",
      how: Partial<LoginInput> & { readonly call?: Call } = {},
    ) => {
      const { call, ...given } = how;
      const device = { device: "laptop", ip: ADDRESS, userAgent: "browser" };
      return act({ username, password, ...device, ...given }, call);
    },
    /** The user changes, as by a call that comes between. */
    change(patch: Partial<Account>) {
      primaryStore.before.push(({ accounts }) => {
        const user = accounts.get("user");
        if (user !== undefined) accounts.set("user", { ...user, ...patch });
      });
    },
    live: () =>
      primaryStore
        .sessions()
        .filter(({ end }) => end === undefined)
        .map(({ id }) => id),
  });
};

export type LoginStage = ReturnType<typeof loginStage>;
