import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { LoginOutput } from "../../../src/core/login/login.js";
import type { LimitPolicy } from "../../../src/core/settings.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../../support/core_replica.js";
import { waitUntil } from "../../support/wait_until.js";
import { auditTrail } from "./audit_trail.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const MOST = 5;
const STORM = 100;
const IDLE_MS = 60_000;
const ADMIN = { reason: "ADMIN", by: "service:test" } as const;
const NEVER_THROTTLED = { perAccount: 100_000, perSource: 100_000 };

const replicasWith = (limitPolicy: LimitPolicy, throttle = NEVER_THROTTLED) =>
  setUpTwoReplicas({
    settings: { maxSessions: MOST, limitPolicy, idleTimeoutMs: IDLE_MS },
    throttle,
  });

/** How long a session is known to have been valid, in the order of the test's own observations. */
interface KnownLife {
  readonly from: number;
  until: number;
}

/** Most lives that overlap somewhere. */
const mostAtOnce = (lives: readonly KnownLife[]): number => {
  const changes = lives
    .filter(({ from, until }) => from < until)
    .flatMap(({ from, until }) => [
      { at: from, by: 1 },
      { at: until, by: -1 },
    ])
    .sort((x, y) => x.at - y.at || x.by - y.by);
  let now = 0;
  return Math.max(0, ...changes.map(({ by }) => (now += by)));
};

/**
 * Signs one user in many times at once over both replicas, while both validate every issued token. A session is known
 * to be valid from the answer of its login to the beginning of the last call that accepted it.
 */
const storm = async (a: CoreReplica, b: CoreReplica, username: string) => {
  const lives = new Map<string, KnownLife>();
  const evictedButValid: string[] = [];
  const evicted = new Set<string>();
  let moment = 0;
  let over = false;
  const tokens = new Map<string, string>();

  const login = async (replica: CoreReplica): Promise<LoginOutput> => {
    const output = await signIn(replica, username);
    for (const { id } of output.evicted) evicted.add(id);
    lives.set(output.session.id, { from: moment++, until: -1 });
    tokens.set(output.session.id, output.tokens.accessToken);
    return output;
  };
  const ask = async (replica: CoreReplica): Promise<void> => {
    while (!over) {
      await Promise.all(
        [...tokens].map(async ([id, token]) => {
          const [begun, named] = [moment++, evicted.has(id)];
          if ((await verdictOf(replica, token)) !== "valid") return tokens.delete(id);
          if (named) evictedButValid.push(id);
          const life = lives.get(id);
          if (life) life.until = Math.max(life.until, begun);
        }),
      );
      // So that the logins have a turn.
      await nextTurn();
    }
  };
  const asking = Promise.all([ask(a), ask(b)]);
  const logins = Array.from({ length: STORM }, (_, i) => login(i % 2 === 0 ? a : b));
  const answers = await Promise.allSettled(logins);
  over = true;
  await asking;
  const outputs = answers.flatMap((answer) =>
    answer.status === "fulfilled" ? [answer.value] : [],
  );
  const refusals = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason] : [],
  );
  return { outputs, refusals, mostValidAtOnce: mostAtOnce([...lives.values()]), evictedButValid };
};

const stillValid = async (replica: CoreReplica, outputs: readonly LoginOutput[]) => {
  const verdicts = outputs.map(async (output) => ({
    output,
    verdict: await verdictOf(replica, output.tokens.accessToken),
  }));
  return (await Promise.all(verdicts))
    .filter(({ verdict }) => verdict === "valid")
    .map(({ output }) => output.session);
};

const deadlocks = async ({ database }: CoreReplica): Promise<number> => {
  const { rows } = await database.raw<{ rows: { deadlocks: string }[] }>(
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  return Number(rows[0]?.deadlocks);
};

describe("evict_oldest", () => {
  const replicas = replicasWith("evict_oldest");

  test("N1 N2 a storm of logins leaves the newest, and each evicted one is named and ended", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const { outputs, refusals, mostValidAtOnce, evictedButValid } = await storm(a, b, username);
    expect(refusals).toEqual([]);
    expect(mostValidAtOnce).toBeGreaterThan(1);
    expect(mostValidAtOnce).toBeLessThanOrEqual(MOST);
    expect(evictedButValid).toEqual([]);
    const byAge = outputs.map(({ session }) => session).sort((x, y) => x.createdAt - y.createdAt);
    const newest = byAge.slice(-MOST).map(({ id }) => id);
    for (const replica of [a, b]) {
      const valid = (await stillValid(replica, outputs)).map(({ id }) => id);
      expect(valid.sort()).toEqual([...newest].sort());
    }
    const named = outputs.flatMap(({ evicted }) => evicted.map(({ id }) => id));
    expect(named.sort()).toEqual(
      byAge
        .slice(0, -MOST)
        .map(({ id }) => id)
        .sort(),
    );
  });

  test("N1 idle and expired sessions do not count, and nobody evicts for them", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    for (let logins = 0; logins < MOST; logins++) await signIn(a, username);
    replicas.advance(IDLE_MS);
    for (let logins = 0; logins < MOST; logins++)
      expect((await signIn(b, username)).evicted).toEqual([]);
    expect((await signIn(a, username)).evicted).toHaveLength(1);
  });

  test("N2 a session that was used last is evicted all the same when it is the oldest", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const outputs: LoginOutput[] = [];
    for (let logins = 0; logins < MOST; logins++) outputs.push(await signIn(a, username));
    const [oldest] = outputs;
    replicas.advance(1000);
    expect(await verdictOf(b, oldest?.tokens.accessToken ?? "")).toBe("valid");
    await b.core.activity.flush();
    const { evicted } = await signIn(a, username);
    expect(evicted.map(({ id }) => id)).toEqual([oldest?.session.id]);
    expect(await verdictOf(b, oldest?.tokens.accessToken ?? "")).toBe("ACCESS_TOKEN_BLACKLISTED");
  });

  test("N4 logins, logouts, revocations, refreshes and flushes do not deadlock", async () => {
    const { a, b } = replicas;
    const before = await deadlocks(a);
    const users = [await makeUser(a), await makeUser(a)];
    const each = [a, b].flatMap((replica) => users.map((user) => ({ replica, user })));
    const lead = async ({ replica, user }: (typeof each)[number], index: number) => {
      const outcomes: string[] = [];
      for (let round = 0; round < 8; round++) {
        const { tokens } = await signIn(replica, user.username);
        const { refreshToken, accessToken } = tokens;
        const calls = [
          replica.core.refreshTokens({ refreshToken, ip: "" }),
          signIn(replica, user.username),
          replica.core.activity.flush(),
          replica.core.users.update(user.id, { roles: [`r${index}-${round}`] }, { by: "", ip: "" }),
          round % 2 === 0
            ? replica.core.end.ofUser(user.id, undefined, ADMIN)
            : replica.core.end.matching({ ip: "192.0.2.1" }, ADMIN),
          signOut(replica, accessToken),
          replica.core.cleanup(),
        ];
        outcomes.push(...(await Promise.all(calls.map(outcomeOf))));
      }
      return outcomes;
    };
    const outcomes = new Set((await Promise.all(each.flatMap((one, i) => [lead(one, i)]))).flat());
    outcomes.delete("SESSION_REVOKED_OR_INVALID");
    expect([...outcomes]).toEqual(["OK"]);
    expect(await deadlocks(a)).toBe(before);
  });
});

describe("evict_least_recently_used", () => {
  const replicas = replicasWith("evict_least_recently_used");

  test("N1 N2 a storm of logins never leaves too many", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const { outputs, refusals, mostValidAtOnce, evictedButValid } = await storm(a, b, username);
    expect(refusals).toEqual([]);
    expect(mostValidAtOnce).toBeLessThanOrEqual(MOST);
    expect(evictedButValid).toEqual([]);
    const valid = await stillValid(b, outputs);
    expect(valid).toHaveLength(MOST);
    const named = outputs.flatMap(({ evicted }) => evicted.map(({ id }) => id));
    expect(new Set([...named, ...valid.map(({ id }) => id)]).size).toBe(STORM);
    expect(named).toHaveLength(STORM - MOST);
  });

  test("N2 the one that nobody used for longest goes, whichever replica saw the use", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const outputs: LoginOutput[] = [];
    for (let logins = 0; logins < MOST; logins++) outputs.push(await signIn(a, username));
    const unused = outputs[2];
    replicas.advance(1000);
    for (const output of outputs)
      if (output !== unused) expect(await verdictOf(b, output.tokens.accessToken)).toBe("valid");
    await b.core.activity.flush();
    const { evicted } = await signIn(a, username);
    expect(evicted.map(({ id }) => id)).toEqual([unused?.session.id]);
  });

  test("N2 N4 a session in use a moment ago stays, although Postgres knows of no use", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const outputs: LoginOutput[] = [];
    for (let logins = 0; logins < MOST; logins++) outputs.push(await signIn(a, username));
    // Redis stores all of them before they are used within one activity step.
    for (const { tokens, session } of outputs) {
      await waitUntil("Redis knows the session", async () => {
        expect(await verdictOf(a, tokens.accessToken)).toBe("valid");
        const lease = b.core.cacheLease.lease(session.id);
        const ask = { sessionId: session.id, now: b.ports.clock.now(), touchAt: 0 };
        return lease !== undefined && (await b.ports.hot.check(ask, lease)).kind === "live";
      });
    }
    // The clocks of two replicas agree within some tens of milliseconds, and so does the order of uses.
    replicas.advance(1000);
    for (const [used, replica] of [b, a, b, a].entries()) {
      const { tokens } = outputs[used] as LoginOutput;
      expect(await verdictOf(replica, tokens.accessToken)).toBe("valid");
    }
    const { evicted } = await signIn(b, username);
    expect(evicted.map(({ id }) => id)).toEqual([outputs[4]?.session.id]);
  });
});

describe("reject", () => {
  const replicas = replicasWith("reject");

  test("N1 N3 of a storm of logins exactly as many get in, the rest are told why", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const { outputs, refusals, mostValidAtOnce } = await storm(a, b, user.username);
    expect(outputs).toHaveLength(MOST);
    expect(new Set(refusals.map(({ reason }) => reason))).toEqual(
      new Set(["SESSION_LIMIT_EXCEEDED"]),
    );
    expect(mostValidAtOnce).toBeLessThanOrEqual(MOST);
    expect(await stillValid(b, outputs)).toHaveLength(MOST);
    expect(outputs.flatMap(({ evicted }) => evicted)).toEqual([]);
  });

  test("N3 an ended or idle session makes room", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    const outputs: LoginOutput[] = [];
    for (let logins = 0; logins < MOST; logins++) outputs.push(await signIn(a, username));
    expect(await outcomeOf(signIn(b, username))).toBe("SESSION_LIMIT_EXCEEDED");
    await signOut(b, outputs[0]?.tokens.accessToken ?? "");
    expect(await outcomeOf(signIn(a, username))).toBe("OK");
    expect(await outcomeOf(signIn(b, username))).toBe("SESSION_LIMIT_EXCEEDED");
    replicas.advance(IDLE_MS);
    expect(await outcomeOf(signIn(b, username))).toBe("OK");
  });
});

describe("reject, with few attempts allowed", () => {
  const replicas = replicasWith("reject", { perAccount: 10, perSource: 100_000 });

  test("N3 refused logins with the right password do not count as failed ones", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    for (let logins = 0; logins < MOST; logins++) await signIn(a, username);
    for (let logins = 0; logins < 15; logins++)
      expect(await outcomeOf(signIn(b, username))).toBe("SESSION_LIMIT_EXCEEDED");
    expect(await outcomeOf(signIn(a, username, "not the password"))).toBe("INVALID_CREDENTIALS");
  });

  test("N3 a storm may hear TOO_MANY_ATTEMPTS first, with a time to retry", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const { outputs, refusals } = await storm(a, b, user.username);
    expect(outputs).toHaveLength(MOST);
    for (const refusal of refusals) {
      expect(["SESSION_LIMIT_EXCEEDED", "TOO_MANY_ATTEMPTS"]).toContain(refusal.reason);
      if (refusal.reason === "TOO_MANY_ATTEMPTS") expect(refusal.retryAfterMs).toBeGreaterThan(0);
    }
    expect(await outcomeOf(signIn(b, user.username))).toBe("SESSION_LIMIT_EXCEEDED");
    expect(await auditTrail(a, { user_id: user.id, type: "LOGIN" })).toHaveLength(MOST);
  });
});

describe("a crash", () => {
  const replicas = replicasWith("evict_oldest");

  test("N4 kill -9 in a storm of logins leaves no more than the limit, and logins go on", async () => {
    const { a } = replicas;
    const victim = await replicas.start({ postgresTimeoutMs: 1000 });
    const user = await makeUser(a);
    const logins = Array.from({ length: 30 }, () => signIn(victim, user.username));
    const outcomes = logins.map((login) => login.catch(() => undefined));
    await Promise.any(logins);
    await victim.kill();
    await Promise.all(outcomes);
    const { ports, settings } = a;
    const { idleTimeoutMs } = settings;
    const live = () => ports.store.liveOf(user.id, { now: ports.clock.now(), idleTimeoutMs });
    expect((await live()).length).toBeLessThanOrEqual(MOST);
    const { tokens, session } = await signIn(a, user.username);
    expect(await verdictOf(a, tokens.accessToken)).toBe("valid");
    const left = await live();
    expect(left.length).toBeLessThanOrEqual(MOST);
    expect(left.map(({ id }) => id)).toContain(session.id);
  });
});
