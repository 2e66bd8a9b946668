import { describe, expect, test } from "vitest";
import {
  type AttemptOutcome,
  type LoginThrottle,
  RESERVATION_MS,
  type Reservation,
} from "../../src/core/ports/login_throttle.js";
import type { Database } from "../../src/postgres/database.js";
import { postgresLoginThrottle } from "../../src/postgres/login_throttle.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import { waitUntil } from "../support/wait_until.js";
import type { Engine } from "./primary_store.js";
import { useDatabases } from "./use_databases.js";

const LIMITS = { perAccount: 5, perSource: 20, windowMs: 60_000 };

/** What every throttle of logins must do (D1, O4). */
export const describeLoginThrottle = (engine: Engine): void => {
  describe(`login throttle on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const replicas = (limits: Partial<typeof LIMITS> = {}) =>
      databases().map((database) => postgresLoginThrottle(database, { ...LIMITS, ...limits })) as [
        LoginThrottle,
        LoginThrottle,
      ];
    const database = (): Database => databases()[0] as Database;

    /** Reserves a place, which there must be. */
    const place = async (
      throttle: LoginThrottle,
      name = "ada",
      ip = "ip",
    ): Promise<Reservation> => {
      const admission = await throttle.reserve(name, ip);
      if (admission.kind !== "reserved") throw new Error(`no place: ${admission.kind}`);
      return admission.reservation;
    };
    const conclude = (reservation: Reservation, outcome: AttemptOutcome) =>
      postgresSessionStore(database()).transaction((tx) =>
        tx.concludeAttempt(reservation, outcome),
      );
    const fail = async (throttle: LoginThrottle, times: number, name = "ada", ip = "ip") => {
      let locked = false;
      for (let i = 0; i < times; i++)
        ({ locked } = await conclude(await place(throttle, name, ip), "failed"));
      return locked;
    };
    const kinds = async (throttle: LoginThrottle, times: number, name = "ada", ip = "ip") => {
      const admissions: string[] = [];
      for (let i = 0; i < times; i++) admissions.push((await throttle.reserve(name, ip)).kind);
      return admissions;
    };
    /** Makes every reservation as old as one that its replica never concluded. */
    const letReservationsExpire = () =>
      database().raw(
        `UPDATE login_throttle SET reservations = (
           SELECT jsonb_object_agg(id, until::float8 - sign(until::float8) * ?)
           FROM jsonb_each_text(reservations) AS held(id, until))
         WHERE reservations <> '{}'`,
        [RESERVATION_MS / 1000],
      );

    test("D1: the last failure that is allowed locks the account, which it says once", async () => {
      const [one, two] = replicas();
      expect(await fail(one, LIMITS.perAccount - 1)).toBe(false);
      expect(await fail(two, 1)).toBe(true);
      const refused = await one.reserve("ada", "ip");
      if (refused.kind !== "account_refused") throw new Error(refused.kind);
      expect(refused.refusal.cause).toBe("failures");
      expect(refused.refusal.retryAfterMs).toBeGreaterThan(LIMITS.windowMs - 10_000);
      expect(refused.refusal.retryAfterMs).toBeLessThanOrEqual(LIMITS.windowMs);
      expect(await conclude(refused.reservation, "released")).toEqual({ locked: false });
      expect((await two.reserve("ada", "another ip")).kind).toBe("account_refused");
      expect((await two.reserve("bob", "ip")).kind).toBe("reserved");
    });

    test("D1: parallel attempts on several replicas: exactly as many go on as may fail", async () => {
      const throttles = replicas();
      const admissions = await Promise.all(
        Array.from({ length: 16 }, (_, i) => throttles[i % 2]?.reserve("ada", "ip")),
      );
      const going = admissions.filter((a) => a?.kind === "reserved");
      expect(going).toHaveLength(LIMITS.perAccount);
      const refused = admissions.find((a) => a?.kind === "account_refused");
      // No attempt has failed yet: the places are free again soon.
      expect(refused).toMatchObject({ refusal: { cause: "busy", retryAfterMs: 1000 } });
      const locks = await Promise.all(
        going.map((a) => conclude((a as { reservation: Reservation }).reservation, "failed")),
      );
      expect(locks.filter(({ locked }) => locked)).toHaveLength(1);
      expect((await throttles[0].reserve("ada", "elsewhere")).kind).toBe("account_refused");
    });

    test("D1: a source that fails for many accounts has to wait, and locks none of them", async () => {
      const [one] = replicas();
      for (let i = 0; i < LIMITS.perSource; i++) await fail(one, 1, `user-${i}`);
      const refused = await one.reserve("another", "ip");
      expect(refused).toMatchObject({ kind: "source_refused" });
      expect((await one.reserve("another", "elsewhere")).kind).toBe("reserved");
    });

    test("D9: the addresses of an IPv6 network (/64) are one source", async () => {
      const [one] = replicas({ perSource: 2 });
      await fail(one, 1, "a", "2001:db8:1:2::1");
      await fail(one, 1, "b", "2001:db8:1:2:ffff::2");
      expect(await kinds(one, 1, "c", "2001:db8:1:2:3:4:5:6")).toEqual(["source_refused"]);
      expect(await kinds(one, 1, "c", "2001:db8:1:3::1")).toEqual(["reserved"]);
    });

    test("D10: a source that is refused takes no place of an account", async () => {
      const [one] = replicas({ perSource: 1 });
      await fail(one, 1, "somebody");
      expect(await kinds(one, 2 * LIMITS.perAccount)).toEqual(
        Array(2 * LIMITS.perAccount).fill("source_refused"),
      );
      expect(await kinds(one, 1, "ada", "elsewhere")).toEqual(["reserved"]);
    });

    test("O4: what is released counts nowhere, and what passed forgets the account's failures", async () => {
      const [one, two] = replicas();
      for (let i = 0; i < 3 * LIMITS.perSource; i++)
        await two.forgive(await place(one, "ada", "ip"), "released");
      await fail(one, LIMITS.perAccount - 1);
      await conclude(await place(two), "passed");
      expect(await fail(one, LIMITS.perAccount - 1)).toBe(false);
      expect((await two.reserve("ada", "ip")).kind).toBe("reserved");
    });

    test("D1: a pass forgets no failure of the source", async () => {
      const [one] = replicas({ perSource: 2 });
      await fail(one, 1, "mallory");
      await conclude(await place(one, "mallory"), "passed");
      await fail(one, 1, "victim");
      expect((await one.reserve("ada", "ip")).kind).toBe("source_refused");
    });

    test("O4: a place that nobody concludes is free again in time, and was never a failure", async () => {
      const [one, two] = replicas();
      expect(await kinds(one, LIMITS.perAccount)).toEqual(
        Array(LIMITS.perAccount).fill("reserved"),
      );
      expect(await kinds(two, 1)).toEqual(["account_refused"]);
      await letReservationsExpire();
      expect(await kinds(two, LIMITS.perAccount)).toEqual(
        Array(LIMITS.perAccount).fill("reserved"),
      );
    });

    test("D1: a failure that is known late counts all the same", async () => {
      const [one] = replicas();
      const places = await Promise.all(Array.from({ length: LIMITS.perAccount }, () => place(one)));
      await letReservationsExpire();
      for (const late of places) await conclude(late, "failed");
      expect((await one.reserve("ada", "ip")).kind).toBe("account_refused");
    });

    test("O3: a failure that nobody heard of is taken back, once", async () => {
      const [one, two] = replicas();
      const unheard = await place(one);
      await fail(two, LIMITS.perAccount - 1);
      expect(await conclude(unheard, "failed")).toEqual({ locked: true });
      for (let i = 0; i < 3; i++) await two.forgive(unheard, "released");
      expect((await two.reserve("ada", "ip")).kind).toBe("reserved");
      expect((await two.reserve("ada", "ip")).kind).toBe("account_refused");
    });

    test("parallel logins that succeed never use up a source or an account", async () => {
      const throttles = replicas();
      for (let round = 0; round < 8; round++)
        await Promise.all(
          Array.from({ length: 4 }, async (_, i) => {
            await conclude(await place(throttles[i % 2] as LoginThrottle), "passed");
          }),
        );
    });

    test("releasing more than was reserved gives no credit", async () => {
      const [one] = replicas();
      const reservation = await place(one);
      for (let i = 0; i < 3; i++) await one.forgive(reservation, "released");
      await fail(one, LIMITS.perAccount);
      expect((await one.reserve("ada", "ip")).kind).toBe("account_refused");
    });

    test("unlocking opens the account at once, on every replica, and no other", async () => {
      const [one] = replicas();
      const unlock = (name: string) =>
        postgresSessionStore(databases()[1]).transaction((tx) => tx.unlockAccount(name));
      await fail(one, LIMITS.perAccount, "ada", "a");
      await fail(one, LIMITS.perAccount, "bob", "b");
      await unlock("ada");
      expect((await one.reserve("ada", "c")).kind).toBe("reserved");
      expect((await one.reserve("bob", "c")).kind).toBe("account_refused");
      await unlock("nobody");
    });

    test("a lock ends with its window, which refused attempts do not draw out", async () => {
      const [one, two] = replicas({ windowMs: 300 });
      await fail(one, LIMITS.perAccount);
      let last = Number.POSITIVE_INFINITY;
      await waitUntil("the lock has ended", async () => {
        const admission = await two.reserve("ada", "ip");
        if (admission.kind === "reserved") return true;
        expect(admission.refusal.retryAfterMs).toBeLessThanOrEqual(last);
        last = admission.refusal.retryAfterMs;
        if (admission.kind === "account_refused")
          await two.forgive(admission.reservation, "released");
        return false;
      });
      // The failures are over too: as many may fail again.
      expect(await fail(one, LIMITS.perAccount - 1)).toBe(false);
    });

    test("D6: nothing that was typed is in the store, and what is over is pruned", async () => {
      const [one] = replicas({ windowMs: 50 });
      await fail(one, 2, "my-password-typed-as-name", "192.0.2.77");
      const rows = () => database()("login_throttle").select("*");
      expect(await rows()).toHaveLength(2);
      expect(JSON.stringify(await rows())).not.toMatch(/my-password|192\.0\.2\.77/);
      await one.prune();
      // Attempts that last longer than the window are not forgotten.
      expect(await rows()).toHaveLength(2);
      await database().raw("UPDATE login_throttle SET expires_at = expires_at - interval '1 hour'");
      await one.prune();
      expect(await rows()).toEqual([]);
    });
  });
};
