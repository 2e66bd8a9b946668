import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/events/audit_event.js";
import { postgresAuditLog } from "../../src/postgres/audit_log.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import type { Engine } from "./primary_store.js";
import { NOW, newId } from "./samples.js";
import { useDatabases } from "./use_databases.js";

const times = (count: number, event: AuditEvent): AuditEvent[] =>
  Array.from({ length: count }, () => event);

/** What every log of security events must do. */
export const describeAuditLog = (engine: Engine): void => {
  describe(`audit log on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const log = () => postgresAuditLog(databases()[0]);

    test("the event that ended a session is found whole, the newest if there were several", async () => {
      const sessionId = newId();
      const revocation = (at: number): AuditEvent => ({
        type: "SESSION_ENDED",
        at,
        userId: newId(),
        sessionId,
        actor: "system",
        ip: "2001:db8::1",
        reason: "LOGOUT",
        metadata: { note: "é \" ' \\ ?", empty: "" },
      });
      const [first, second] = [revocation(NOW + 5), revocation(NOW)];
      const other: AuditEvent = { type: "LOGIN", at: NOW + 9, sessionId };
      await log().record([first, second, other]);
      await log().record([]);
      expect(await log().revocationEventOf(sessionId)).toEqual(second);
      expect(await log().revocationEventOf(newId())).toBeUndefined();
      expect(await log().revocationEventOf("nonsense")).toBeUndefined();
    });

    test("events of a transaction come with it, or not at all (D7)", async () => {
      const store = postgresSessionStore(databases()[1]);
      const event = { type: "LOGIN", at: NOW } as const;
      await store.transaction(async (tx) => {
        await tx.record([]);
        await tx.record([event]);
      });
      const undone = store.transaction(async (tx) => {
        await tx.record([event]);
        throw new Error("no");
      });
      await expect(undone).rejects.toThrow("no");
      expect((await log().statistics(NOW)).logins).toBe(1);
    });

    test("statistics count what happened since, and who failed most", async () => {
      const users = Array.from({ length: 12 }, () => newId());
      const since = NOW + 1000;
      const unusual = { type: "UNUSUAL_ACTIVITY", at: since } as const;
      await log().record([
        { type: "LOGIN", at: since },
        ...times(2, { type: "LOGIN", at: since, metadata: { client_id: "web" } }),
        ...times(5, { type: "LOGIN", at: since - 1 }),
        ...times(2, { type: "REFRESHED", at: since }),
        ...times(4, { type: "SESSION_ENDED", at: since, reason: "LOGOUT" }),
        { type: "SESSION_ENDED", at: since, reason: "ADMIN" },
        { type: "LOGIN_FAILED", at: since, ip: "", reason: "INVALID_CREDENTIALS" },
        { type: "LOGIN_FAILED", at: since, reason: "TOO_MANY_ATTEMPTS" },
        { type: "LOGIN_FAILED", at: since - 1, reason: "TOO_MANY_ATTEMPTS" },
        { type: "ACCOUNT_LOCKED", at: since },
        ...users.flatMap((userId, i) =>
          times(i + 1, { type: "LOGIN_FAILED", at: since, userId, ip: `192.0.2.${i % 2}` }),
        ),
        ...times(2, { ...unusual, reason: "new_device", userId: users[0], ip: "192.0.2.1" }),
        { ...unusual, reason: "revocation_burst", actor: "service:x", metadata: { count: "70" } },
        { ...unusual, at: since - 1, reason: "refresh_reuse", userId: users[0] },
      ]);
      const statistics = await log().statistics(since);
      expect(statistics).toMatchObject({ logins: 3, failedLogins: 80, refreshes: 2 });
      expect(statistics).toMatchObject({ throttledLogins: 1, accountLocks: 1 });
      expect(statistics.revocations.toSorted((a, b) => a.count - b.count)).toEqual([
        { reason: "ADMIN", count: 1 },
        { reason: "LOGOUT", count: 4 },
      ]);
      expect(statistics.failingUsers).toEqual(
        users
          .map((subject, i) => ({ subject, count: i + 1 }))
          .reverse()
          .slice(0, 10),
      );
      expect(statistics.failingAddresses).toEqual([
        { subject: "192.0.2.1", count: 42 },
        { subject: "192.0.2.0", count: 36 },
      ]);
      expect(statistics.loginsByClient).toEqual([
        { subject: "web", count: 2 },
        { subject: "", count: 1 },
      ]);
      expect(statistics.unusual).toEqual([
        { kind: "revocation_burst", subject: "service:x", count: 70 },
        { kind: "new_device", subject: users[0], count: 2 },
      ]);
      expect(await log().statistics(since + 1)).toMatchObject({
        logins: 0,
        failedLogins: 0,
        refreshes: 0,
        revocations: [],
        failingUsers: [],
        failingAddresses: [],
        unusual: [],
      });
    });

    test("cleaners share the deletion of what is old, oldest first", async () => {
      const old = Array.from(
        { length: 30 },
        (_, i): AuditEvent => ({ type: "LOGIN", at: NOW + i }),
      );
      await log().record([...old].reverse());
      expect(await log().deleteBefore(NOW + 30, 4)).toBe(4);
      expect((await log().statistics(NOW + 4)).logins).toBe(26);
      const deleted = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          postgresAuditLog(databases()[i % 2 ? 0 : 1]).deleteBefore(NOW + 20, 3),
        ),
      );
      const before = deleted.reduce((sum, count) => sum + count);
      const rest = await log().deleteBefore(NOW + 20, 100);
      expect(before + rest).toBe(16);
      expect((await log().statistics(NOW)).logins).toBe(10);
    });
  });
};
