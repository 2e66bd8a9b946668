import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { CurfewError } from "../../../src/core/errors.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  PASSWORD,
  signIn,
} from "../../support/core_replica.js";
import { auditTrail } from "./audit_trail.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const PER_ACCOUNT = 10;
const PER_SOURCE = 30;
const WRONG = "this is not the password";
const BY = { by: "service:test", ip: "" };

const replicas = setUpTwoReplicas({ throttle: { perAccount: PER_ACCOUNT, perSource: PER_SOURCE } });

let lastAddress = 0;
/** An address without earlier failures. */
const newAddress = () => `198.51.100.${++lastAddress}`;

const attempt = (replica: CoreReplica, username: string, password: string, ip = newAddress()) =>
  replica.core.login({ username, password, device: "", ip, userAgent: "" });

const failureOf = async (call: Promise<unknown>): Promise<CurfewError> => {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof CurfewError)) throw new Error(`expected a refusal, not ${failure}`);
  return failure;
};

const tally = (outcomes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

/** 200 wrong passwords at once, over both replicas. */
const hammer = async (username: string): Promise<string[]> => {
  const { a, b } = replicas;
  return Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      outcomeOf(attempt(i % 2 === 0 ? a : b, username, WRONG, `203.0.113.${i}`)),
    ),
  );
};

describe("D1 the throttle of an account", () => {
  test("D1 lets through exactly its number of 200 parallel wrong passwords, and locks once", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    expect(tally(await hammer(user.username))).toEqual({
      INVALID_CREDENTIALS: PER_ACCOUNT,
      TOO_MANY_ATTEMPTS: 200 - PER_ACCOUNT,
    });
    const events = tally((await auditTrail(a, { user_id: user.id })).map(({ type }) => type));
    expect(events).toEqual({ USER_CREATED: 1, LOGIN_FAILED: 200, ACCOUNT_LOCKED: 1 });
    const locked = await failureOf(attempt(b, user.username, PASSWORD));
    expect(locked.reason).toBe("TOO_MANY_ATTEMPTS");
    expect(locked.retryAfterMs).toBeGreaterThan(0);
  });

  test("D1 treats a name that nobody has just the same", async () => {
    const nobody = `nobody-${randomUUID()}`;
    expect(tally(await hammer(nobody))).toEqual({
      INVALID_CREDENTIALS: PER_ACCOUNT,
      TOO_MANY_ATTEMPTS: 200 - PER_ACCOUNT,
    });
  });

  test("D1 knows a name in every spelling", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a, `Zoë-${randomUUID()}`);
    const spellings = [
      username,
      username.toUpperCase(),
      ` ${username} `,
      username.normalize("NFD"),
    ];
    for (let attempts = 0; attempts < PER_ACCOUNT; attempts++) {
      const spelling = spellings[attempts % spellings.length] ?? "";
      expect(await outcomeOf(attempt(b, spelling, WRONG))).toBe("INVALID_CREDENTIALS");
    }
    expect(await outcomeOf(attempt(a, username, PASSWORD))).toBe("TOO_MANY_ATTEMPTS");
  });

  test("D1 forgets nothing when Redis or a replica does, until the account is unlocked", async () => {
    const { a } = replicas;
    const user = await makeUser(a);
    await hammer(user.username);
    await replicas.flushRedis();
    const restarted = await replicas.start();
    expect(await outcomeOf(attempt(restarted, user.username, PASSWORD))).toBe("TOO_MANY_ATTEMPTS");
    await restarted.core.users.unlock(user.id, BY);
    expect(await outcomeOf(attempt(a, user.username, PASSWORD))).toBe("OK");
    expect(await auditTrail(a, { user_id: user.id, type: "ACCOUNT_UNLOCKED" })).toHaveLength(1);
  });

  test("D1 starts anew after a right password", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let attempts = 1; attempts < PER_ACCOUNT; attempts++)
        expect(await outcomeOf(attempt(b, username, WRONG))).toBe("INVALID_CREDENTIALS");
      expect(await outcomeOf(attempt(a, username, PASSWORD))).toBe("OK");
    }
  });

  test("D1 is lifted by a new password", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    await hammer(user.username);
    const password = "quite another fine passphrase";
    await b.core.users.setPassword(user.id, password, BY);
    expect(await outcomeOf(attempt(a, user.username, password))).toBe("OK");
  });
});

test("D1 the throttle of a source counts over accounts and replicas", async () => {
  const { a, b } = replicas;
  const address = newAddress();
  const { username } = await makeUser(a);
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      outcomeOf(attempt(i % 2 === 0 ? a : b, `guess-${i}-${randomUUID()}`, WRONG, address)),
    ),
  );
  expect(tally(outcomes)).toEqual({
    INVALID_CREDENTIALS: PER_SOURCE,
    TOO_MANY_ATTEMPTS: 100 - PER_SOURCE,
  });
  expect(await outcomeOf(attempt(b, username, PASSWORD, address))).toBe("TOO_MANY_ATTEMPTS");
  expect(await outcomeOf(attempt(b, username, PASSWORD))).toBe("OK");
});

describe("D1 what a failure tells", () => {
  const facts = ({ reason, metadata, violations, retryAfterMs }: CurfewError) => ({
    reason,
    metadata,
    violations,
    retryAfterMs,
  });

  test("D1 wrong, unknown and inactive with a wrong password are one and the same", async () => {
    const { a, b } = replicas;
    const active = await makeUser(a);
    const inactive = await makeUser(a);
    await a.core.users.update(inactive.id, { isActive: false }, BY);
    const wrong = facts(await failureOf(attempt(b, active.username, WRONG)));
    expect(wrong.reason).toBe("INVALID_CREDENTIALS");
    for (const username of [inactive.username, `nobody-${randomUUID()}`, ""])
      expect(facts(await failureOf(attempt(b, username, WRONG)))).toEqual(wrong);
  });

  test("D1 an inactive user hears so only with the right password, which does not count as failed", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    await a.core.users.update(user.id, { isActive: false }, BY);
    for (let attempts = 0; attempts < PER_ACCOUNT + 5; attempts++)
      expect(await outcomeOf(attempt(b, user.username, PASSWORD))).toBe("USER_INACTIVE");
    await a.core.users.update(user.id, { isActive: true }, BY);
    expect(await outcomeOf(attempt(a, user.username, PASSWORD))).toBe("OK");
  });

  test("D1 the locked hear the same with the right password and with a wrong one", async () => {
    const { a, b } = replicas;
    const { username } = await makeUser(a);
    await hammer(username);
    const { retryAfterMs: right, ...withRight } = facts(
      await failureOf(attempt(b, username, PASSWORD)),
    );
    const { retryAfterMs: wrong, ...withWrong } = facts(
      await failureOf(attempt(b, username, WRONG)),
    );
    expect(withRight).toEqual(withWrong);
    expect(Math.abs((right ?? 0) - (wrong ?? 0))).toBeLessThan(5000);
  });
});

test("D7 a login is one event, in the transaction that made the session", async () => {
  const { a } = replicas;
  const user = await makeUser(a);
  const { session } = await signIn(a, user.username);
  const events = await auditTrail(a, { user_id: user.id, type: "LOGIN" });
  const [row] = await a
    .database("sessions")
    .where({ session_id: session.id })
    .select<{ transaction: string }[]>(a.database.raw("xmin::text AS transaction"));
  expect(events).toMatchObject([{ session_id: session.id, transaction: row?.transaction }]);
});
