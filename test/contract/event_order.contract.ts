import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/events/audit_event.js";
import {
  type EventPosition,
  ORIGIN,
  readCursor,
  writeCursor,
} from "../../src/core/events/event_cursor.js";
import { postgresAuditLog } from "../../src/postgres/audit_log.js";
import type { Engine } from "./primary_store.js";
import { NOW, newId } from "./samples.js";
import { useDatabases } from "./use_databases.js";

const login = (sessionId: string): AuditEvent => ({ type: "LOGIN", at: NOW, sessionId });

/** The contract of the order of events, for those that follow the events. */
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
      expect(await log().head()).toEqual({ position: ORIGIN, newestEventId: 0n });
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

    test.runIf(engine.parallelTransactions)(
      "a transaction that writes no events holds up nobody, however long it lasts",
      async () => {
        const other = await databases()[1].transaction();
        await other.raw("SELECT pg_current_xact_id()");
        await other("known_devices").insert({
          user_id: newId(),
          device: "x",
          last_seen_at: new Date(),
        });
        const id = newId();
        await log().record([login(id)]);
        expect(await sessionsAfter(ORIGIN)).toEqual([id]);
        expect((await log().follow("test", 50, async () => []))?.events).toHaveLength(1);
        expect(log().heldUp()).toBeUndefined();
        await other.rollback();
      },
    );

    test.runIf(engine.parallelTransactions)(
      "what holds up the order is told, with the process to look at",
      async () => {
        await sessionsAfter(ORIGIN);
        const slow = await databases()[1].transaction();
        await slow("audit_events").insert({ at: new Date(), type: "LOGIN" });
        const { rows } = await slow.raw<{ rows: { pid: number }[] }>("SELECT pg_backend_pid() pid");
        await sessionsAfter(ORIGIN);
        expect(log().heldUp()).toMatchObject({ pids: [rows[0]?.pid] });
        await slow.rollback();
        await sessionsAfter(ORIGIN);
        expect(log().heldUp()).toBeUndefined();
      },
    );

    test.runIf(engine.parallelTransactions)(
      "writers that never pause hold up nobody, and no event is left out or comes twice",
      async () => {
        await sessionsAfter(ORIGIN);
        let writing = true;
        let written = 0;
        const writers = Array.from({ length: 6 }, async (_, i) => {
          while (writing)
            await databases()[i % 2 ? 1 : 0].transaction(async (trx) => {
              await trx("audit_events").insert({
                at: new Date(),
                type: "LOGIN",
                session_id: newId(),
              });
              await trx.raw("SELECT pg_sleep(random() * 0.02)");
              written += 1;
            });
        });
        const seen: bigint[] = [];
        let position = ORIGIN;
        const readMore = async () => {
          const page = await log().eventsAfter(position, [], 1000);
          seen.push(...page.events.map((placed) => placed.position.eventId));
          ({ position } = page);
        };
        while (written < 300) await readMore();
        const whileWriting = seen.length;
        writing = false;
        await Promise.all(writers);
        await readMore();
        expect(whileWriting).toBeGreaterThan(0);
        expect(seen).toHaveLength(written);
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => Number(a - b)));
      },
    );

    test("a cursor of the version before goes on with what it has not handed out", async () => {
      const ids = Array.from({ length: 6 }, () => newId());
      for (const id of ids) await log().record([login(id)]);
      // The third transaction began first and wrote last: its event came first in the old order.
      await databases()[0].raw(
        `UPDATE audit_events SET transaction_id =
           (100 + CASE event_id WHEN 3 THEN 0 ELSE event_id END)::text::xid8`,
      );
      const oldCursor = (transactionId: number, eventId: number) =>
        [transactionId, eventId, NOW].map((part) => part.toString(36)).join(".");
      const sessionsOf = async (cursor: string) => sessionsAfter(readCursor(cursor) ?? ORIGIN);
      expect(await sessionsOf(oldCursor(100, 3))).toEqual([ids[0], ids[1], ids[3], ids[4], ids[5]]);
      expect(await sessionsOf(oldCursor(102, 2))).toEqual([ids[3], ids[4], ids[5]]);
      expect(await sessionsOf(oldCursor(106, 6))).toEqual([]);
      expect(await sessionsOf("0.0.0")).toEqual(ids);
      // Page by page too.
      let position = readCursor(oldCursor(100, 3)) ?? ORIGIN;
      const found: (string | undefined)[] = [];
      for (let more = true; more; ) {
        const page = await log().eventsAfter(position, [], 2);
        found.push(...page.events.map(({ event }) => event.sessionId));
        ({ position, more } = page);
      }
      expect(found).toEqual([ids[0], ids[1], ids[3], ids[4], ids[5]]);
    });
  });
};
