import { sourceOf } from "../../caller/source.js";
import type { EventHistory } from "../../ports/event_history.js";
import type { AuditEvent } from "../audit_event.js";
import type { UnusualPattern } from "./unusual_pattern.js";

/** Refreshes of a session from an address it was not used from lately; each address once. */
export const addressChanges = async (
  events: readonly AuditEvent[],
  history: EventHistory,
): Promise<UnusualPattern[]> => {
  const refreshes = events.flatMap((event) => {
    const { type, sessionId, ip } = event;
    return type === "REFRESHED" && sessionId && ip ? [{ ...event, sessionId, ip }] : [];
  });
  if (refreshes.length === 0) return [];
  const signIns = await history.signInsOf([...new Set(refreshes.map((event) => event.sessionId))]);
  const moved = refreshes.filter(({ sessionId, ip }) => {
    const home = signIns.get(sessionId)?.ip;
    return home !== undefined && home !== "" && sourceOf(home) !== sourceOf(ip);
  });
  if (moved.length === 0) return [];
  const lately = await history.addressesOf([...new Set(moved.map((event) => event.sessionId))]);
  const known = new Map(
    [...lately].map(([sessionId, addresses]) => [sessionId, new Set(addresses.map(sourceOf))]),
  );
  return moved.flatMap(({ at, userId, sessionId, ip }) => {
    const seen = known.get(sessionId) ?? new Set();
    if (seen.has(sourceOf(ip))) return [];
    known.set(sessionId, seen.add(sourceOf(ip)));
    const from = signIns.get(sessionId)?.ip ?? "";
    return [
      {
        kind: "address_changed" as const,
        event: { at, userId, sessionId, ip },
        metadata: { from },
      },
    ];
  });
};
