import { beforeAll, describe, expect, test } from "vitest";
import type { Call } from "../../../src/core/call.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  PASSWORD,
  signIn,
} from "../../support/core_replica.js";
import { createClient } from "../../support/database_client.js";
import { testCall } from "../../support/test_call.js";
import { waitUntil } from "../../support/wait_until.js";
import { auditTrail } from "./audit_trail.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const WRONG = "this is not the password";
/** As the documented service config of gRPC clients has it. */
const TRIES = 5;
const LIMIT = 2;

const replicas = setUpTwoReplicas({
  throttle: { perAccount: LIMIT, perSource: 1000 },
  postgresTimeoutMs: 400,
});

/** Runs `work` while no security event can be written, as during a migration of their table. */
const whileEventsAreLocked = async (work: () => Promise<void>): Promise<void> => {
  const holder = createClient(replicas.databaseUrl);
  await holder.connect();
  try {
    await holder.query("BEGIN");
    await holder.query("LOCK TABLE audit_events IN SHARE MODE");
    await work();
  } finally {
    await holder.end();
  }
};

const login = (replica: CoreReplica, username: string, password: string, call?: Call) =>
  outcomeOf(
    replica.core.login({ username, password, device: "", ip: "198.51.100.7", userAgent: "" }, call),
  );

/** Makes an attempt once those before it are concluded, and returns the result. */
const settled = async (attempt: () => Promise<string>): Promise<string> => {
  let outcome = "";
  await waitUntil("the attempts before are concluded", async () => {
    outcome = await attempt();
    return outcome !== "TOO_MANY_ATTEMPTS";
  });
  return outcome;
};

const lockEvents = (replica: CoreReplica, userId: string) =>
  auditTrail(replica, { user_id: userId, type: "ACCOUNT_LOCKED" });

describe("O4: an outage between an attempt and its outcome", () => {
  test("O4: retried logins with the right password lock nobody out", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    await whileEventsAreLocked(async () => {
      for (let tries = 0; tries < TRIES; tries++)
        expect(await settled(() => login(tries % 2 ? a : b, user.username, PASSWORD))).toBe(
          "DEPENDENCY_UNAVAILABLE",
        );
    });
    expect(await settled(() => login(a, user.username, PASSWORD))).toBe("OK");
    expect(await lockEvents(a, user.id)).toEqual([]);
  });

  test("O3: a retried login with a wrong password is one failure, not several", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    await whileEventsAreLocked(async () => {
      for (let tries = 0; tries < TRIES; tries++)
        expect(await settled(() => login(tries % 2 ? a : b, user.username, WRONG))).toBe(
          "DEPENDENCY_UNAVAILABLE",
        );
    });
    for (let failures = 0; failures < LIMIT; failures++)
      expect(await settled(() => login(a, user.username, WRONG))).toBe("INVALID_CREDENTIALS");
    expect(await login(b, user.username, PASSWORD)).toBe("TOO_MANY_ATTEMPTS");
    expect(await lockEvents(a, user.id)).toHaveLength(1);
  });

  test("O4: retried changes of a password lock nobody out", async () => {
    const { a, b } = replicas;
    const user = await makeUser(a);
    const { session } = await signIn(a, user.username);
    const change = (replica: CoreReplica, currentPassword: string) =>
      outcomeOf(
        replica.core.changePassword({
          userId: user.id,
          sessionId: session.id,
          currentPassword,
          newPassword: "quite another fine passphrase",
          ip: "198.51.100.8",
        }),
      );
    await whileEventsAreLocked(async () => {
      for (let tries = 0; tries < TRIES; tries++)
        expect(await settled(() => change(tries % 2 ? a : b, PASSWORD))).toBe(
          "DEPENDENCY_UNAVAILABLE",
        );
    });
    expect(await settled(() => change(b, PASSWORD))).toBe("OK");
    expect(await lockEvents(a, user.id)).toEqual([]);
  });
});

describe("O4: an attempt whose caller has gone", () => {
  let user: { id: string; username: string };
  beforeAll(async () => {
    user = await makeUser(replicas.a);
  });

  test("O3: cancelled logins with a wrong password do not count, whenever they were cancelled", async () => {
    const { a, b } = replicas;
    for (let i = 0; i < 40; i++) {
      const call = testCall();
      const timer = setTimeout(call.leave, i / 2);
      const outcome = await login(i % 2 ? a : b, user.username, WRONG, call);
      clearTimeout(timer);
      // The caller of one that was answered in time knows of its failure.
      if (outcome === "INVALID_CREDENTIALS")
        await a.core.users.unlock(user.id, { by: "system", ip: "" });
    }
    expect(await settled(() => login(a, user.username, PASSWORD))).toBe("OK");
    expect(await lockEvents(a, user.id)).toEqual([]);
  });

  test("O4: places that died with their replica are free again in time", async () => {
    const { a, b } = replicas;
    const lost = await replicas.start();
    for (let i = 0; i < LIMIT; i++)
      await lost.ports.throttle.reserve(user.username, "198.51.100.9");
    await lost.kill();
    expect(await login(a, user.username, PASSWORD)).toBe("TOO_MANY_ATTEMPTS");
    await a.database.raw(
      `UPDATE login_throttle SET reservations = (
         SELECT jsonb_object_agg(id, until::float8 - 15)
         FROM jsonb_each_text(reservations) AS held(id, until))
       WHERE reservations <> '{}'`,
    );
    expect(await login(b, user.username, PASSWORD)).toBe("OK");
  });
});
