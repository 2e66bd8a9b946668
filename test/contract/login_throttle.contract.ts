import { describe, expect, test } from "vitest";
import type { LoginThrottle } from "../../src/core/ports/login_throttle.js";
import { postgresLoginThrottle } from "../../src/postgres/login_throttle.js";
import { waitUntil } from "../support/wait_until.js";
import type { Engine } from "./truth.js";
import { useDatabases } from "./use_databases.js";

const LIMITS = { perAccount: 5, perSource: 20, windowMs: 60_000 };

/** What every throttle of logins must do (D1). */
export const describeLoginThrottle = (engine: Engine): void => {
  describe(`login throttle on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const replicas = (limits: Partial<typeof LIMITS> = {}) =>
      databases().map((database) => postgresLoginThrottle(database, { ...LIMITS, ...limits })) as [
        LoginThrottle,
        LoginThrottle,
      ];
    const fail = async (throttle: LoginThrottle, times: number, name = "ada", ip = "ip") => {
      for (let i = 0; i < times; i++) await throttle.attempt(name, ip);
    };

    test("an account is locked by the attempt after the last that is allowed, which says so once", async () => {
      const [one, two] = replicas();
      for (let i = 0; i < LIMITS.perAccount; i++)
        expect(await one.attempt("ada", "ip")).toEqual({ retryAfterMs: 0, locked: false });
      const locking = await two.attempt("ada", "ip");
      expect(locking.locked).toBe(true);
      expect(locking.retryAfterMs).toBeGreaterThan(LIMITS.windowMs - 10_000);
      expect(locking.retryAfterMs).toBeLessThanOrEqual(LIMITS.windowMs);
      const later = await one.attempt("ada", "another ip");
      expect(later.locked).toBe(false);
      expect(later.retryAfterMs).toBeGreaterThan(0);
      expect(later.retryAfterMs).toBeLessThanOrEqual(locking.retryAfterMs);
      expect(await one.attempt("bob", "ip")).toEqual({ retryAfterMs: 0, locked: false });
    });

    test("D1: parallel attempts on several replicas: exactly as many pass as are allowed, and one locks", async () => {
      const throttles = replicas();
      const verdicts = await Promise.all(
        Array.from({ length: 16 }, (_, i) => throttles[i % 2]?.attempt("ada", "ip")),
      );
      expect(verdicts.filter((v) => v?.retryAfterMs === 0)).toHaveLength(LIMITS.perAccount);
      expect(verdicts.filter((v) => v?.locked)).toHaveLength(1);
    });

    test("an address that tries many accounts has to wait, and locks none of them", async () => {
      const [one] = replicas();
      for (let i = 0; i < LIMITS.perSource; i++)
        expect((await one.attempt(`user-${i}`, "ip")).retryAfterMs).toBe(0);
      const refused = await one.attempt("another", "ip");
      expect(refused).toMatchObject({ locked: false });
      expect(refused.retryAfterMs).toBeGreaterThan(0);
      expect((await one.attempt("another", "elsewhere")).retryAfterMs).toBe(0);
    });

    test("what is forgiven does not count: one attempt, or all of the account's", async () => {
      const [one, two] = replicas();
      await fail(one, LIMITS.perAccount);
      await two.forgive("ada", "ip", false);
      expect((await one.attempt("ada", "ip")).retryAfterMs).toBe(0);
      expect((await one.attempt("ada", "ip")).retryAfterMs).toBeGreaterThan(0);
      await two.forgive("ada", "ip", true);
      await fail(one, LIMITS.perAccount - 1);
      expect((await one.attempt("ada", "ip")).retryAfterMs).toBe(0);
    });

    test("parallel logins that succeed never use up an address or an account", async () => {
      const throttles = replicas();
      for (let round = 0; round < 8; round++)
        await Promise.all(
          Array.from({ length: 4 }, async (_, i) => {
            const throttle = throttles[i % 2] as LoginThrottle;
            expect((await throttle.attempt("ada", "ip")).retryAfterMs).toBe(0);
            await throttle.forgive("ada", "ip", true);
          }),
        );
    });

    test("forgiving more than was counted gives no credit", async () => {
      const [one] = replicas();
      for (let i = 0; i < 3; i++) await one.forgive("ada", "ip", false);
      await fail(one, 1);
      for (let i = 0; i < 3; i++) await one.forgive("ada", "ip", false);
      await fail(one, LIMITS.perAccount);
      expect((await one.attempt("ada", "ip")).retryAfterMs).toBeGreaterThan(0);
    });

    test("unlocking opens the account at once, on every replica, and no other", async () => {
      const [one, two] = replicas();
      await fail(one, LIMITS.perAccount + 1, "ada", "a");
      await fail(one, LIMITS.perAccount + 1, "bob", "b");
      await two.unlock("ada");
      expect((await one.attempt("ada", "c")).retryAfterMs).toBe(0);
      expect((await one.attempt("bob", "c")).retryAfterMs).toBeGreaterThan(0);
      await one.unlock("nobody");
    });

    test("a lock ends with its window, which attempts meanwhile do not draw out", async () => {
      const [one, two] = replicas({ windowMs: 300 });
      await fail(one, LIMITS.perAccount + 1);
      let last = Number.POSITIVE_INFINITY;
      let tries = 0;
      await waitUntil("the lock has ended", async () => {
        // From ever another address, since addresses have windows of their own.
        const { retryAfterMs } = await two.attempt("ada", `address ${tries++}`);
        expect(retryAfterMs).toBeLessThanOrEqual(last);
        last = retryAfterMs;
        return retryAfterMs === 0;
      });
    });

    test("D6: nothing that was typed is in the store, and what is over is pruned", async () => {
      const [one] = replicas({ windowMs: 50 });
      await fail(one, 2, "my-password-typed-as-name", "192.0.2.77");
      const rows = () => databases()[0]("login_throttle").select("key");
      expect(await rows()).toHaveLength(2);
      expect(JSON.stringify(await rows())).not.toMatch(/my-password|192\.0\.2\.77/);
      await waitUntil("the counts are pruned", async () => {
        await one.prune();
        return (await rows()).length === 0;
      });
      const [patient] = replicas();
      await fail(patient, 1);
      await one.prune();
      expect(await rows()).toHaveLength(2);
    });
  });
};
