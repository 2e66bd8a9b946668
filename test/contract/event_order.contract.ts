import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/audit_event.js";
import {
  type EventPosition,
  ORIGIN,
  readCursor,
  writeCursor,
} from "../../src/core/event_cursor.js";
import { postgresAuditLog } from "../../src/postgres/audit_log.js";
import { NOW, newId } from "./samples.js";
import type { Engine } from "./truth.js";
import { useDatabases } from "./use_databases.js";

const login = (sessionId: string): AuditEvent => ({ type: "LOGIN", at: NOW, sessionId });

/** What the order of events must do for those who follow it. */
export const describeEventOrder = (engine: Engine): void => {
  describe(`order of events on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const log = () => postgresAuditLog(databases()[0]);
    const sessionsAfter = async (after: EventPosition) =>
      (await log().eventsAfter(after, [], 100)).events.map(({ event }) => event.sessionId);

    test("pages join without gap or overlap, whatever types are asked for", async () => {
      const ids = Array.from({ length: 7 }, () => newId());
      for (const id of ids) await log().record([login(id), { type: "REFRESHED", at: NOW }]);
      const found: string[] = [];
      let position = ORIGIN;
      for (let more = true; more; ) {
        const page = await log().eventsAfter(position, ["LOGIN"], 3);
        found.push(...page.events.map(({ event }) => event.sessionId ?? ""));
        ({ position, more } = page);
      }
      expect(found).toEqual(ids);
      expect((await log().eventsAfter(position, [], 100)).events).toEqual([]);
      expect(await log().eventsAfter(ORIGIN, ["LOGIN"], 100)).toMatchObject({ more: false });
      const { events } = await log().eventsAfter(ORIGIN, [], 100);
      expect(events).toHaveLength(14);
      expect((await log().head()).position).toEqual(events.at(-1)?.position);
      const cursor = writeCursor(events[4]?.position ?? ORIGIN);
      const rest = await log().eventsAfter(readCursor(cursor) ?? ORIGIN, [], 100);
      expect(rest.events).toEqual(events.slice(5));
    });

    test("the head of an empty log is the origin", async () => {
      const { position, nextTransactionId } = await log().head();
      expect(position).toEqual(ORIGIN);
      expect(nextTransactionId).toBeGreaterThan(0n);
    });

    test.runIf(engine.parallelTransactions)(
      "an event that commits late is not passed over by readers of later ones",
      async () => {
        const [early, between, late] = [newId(), newId(), newId()];
        await log().record([login(early)]);
        const { position } = await log().eventsAfter(ORIGIN, [], 10);
        const slow = await databases()[1].transaction();
        await slow("audit_events").insert({ at: new Date(), type: "LOGIN", session_id: late });
        await log().record([login(between)]);
        // Committed, but the slow one may come before it.
        expect(await sessionsAfter(position)).toEqual([]);
        await slow.commit();
        expect(await sessionsAfter(position)).toEqual([late, between]);
      },
    );

    test("followers hand out each event once, with what they write or not at all", async () => {
      const ids = Array.from({ length: 40 }, () => newId());
      for (const id of ids) await log().record([login(id)]);
      const seen: string[] = [];
      const rounds = Array.from({ length: 12 }, async (_, i) => {
        const own = postgresAuditLog(databases()[i % 2 ? 1 : 0]);
        for (let more: boolean | undefined = true; more; ) {
          const round = await own.follow("test", 3, async (events) =>
            events.map((event) => ({ ...event, type: "UNUSUAL_ACTIVITY", reason: "seen" })),
          );
          const logins = round?.events.filter(({ type }) => type === "LOGIN") ?? [];
          seen.push(...logins.map(({ sessionId }) => sessionId ?? ""));
          more = round !== undefined && logins.length > 0;
        }
      });
      await Promise.all(rounds);
      for (let more = true; more; ) {
        const round = await log().follow("test", 50, async () => []);
        for (const { type, sessionId } of round?.events ?? [])
          if (type === "LOGIN") seen.push(sessionId ?? "");
        more = round?.more ?? false;
      }
      expect(seen.toSorted()).toEqual(ids.toSorted());
      const failed = log().follow("other", 5, async () => {
        throw new Error("no");
      });
      await expect(failed).rejects.toThrow("no");
      expect((await log().follow("other", 5, async () => []))?.events).toHaveLength(5);
    });

    test("events of a restored backup come before all that is to come, in their order", async () => {
      const ids = Array.from({ length: 5 }, () => newId());
      for (const id of ids) await log().record([login(id)]);
      // What another database gave out, as its dump restores it.
      await databases()[0].raw(
        "UPDATE audit_events SET transaction_id = (1000000000 + event_id)::text::xid8",
      );
      await databases()[0].raw("INSERT INTO event_followers VALUES ('test', '1000000002', 2)");
      expect(await sessionsAfter(ORIGIN)).toEqual([]);
      expect(await log().adoptRestored(3)).toBe(3);
      expect(await log().adoptRestored(3)).toBe(2);
      expect(await log().adoptRestored(3)).toBe(0);
      const fresh = newId();
      await log().record([login(fresh)]);
      expect(await sessionsAfter(ORIGIN)).toEqual([...ids, fresh]);
      const followed = await log().follow("test", 50, async () => []);
      expect(followed?.events.map(({ sessionId }) => sessionId)).toEqual([fresh]);
    });
  });
};
