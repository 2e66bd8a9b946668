import { sourceOf } from "../../caller/source.js";
import type { EventHistory } from "../../ports/event_history.js";
import type { AuditEvent } from "../audit_event.js";
import type { PatternKind, UnusualPattern } from "./unusual_pattern.js";

/** So many failed logins of one user, or from one address, within this time are unusual. */
const FAILURES = { atLeast: 10, withinMs: 15 * 60_000 };
/** So many sessions ended by one caller within this time are a burst. */
const REVOCATIONS = { atLeast: 50, withinMs: 5 * 60_000 };

/** Revocations that a person decided on. */
const REVOKED = new Set(["ADMIN", "USER", "USER_DISABLED", "USER_DELETED", "PASSWORD_CHANGE"]);

interface Repetition {
  readonly kind: PatternKind;
  readonly limit: { readonly atLeast: number; readonly withinMs: number };
  /** The events that count. */
  readonly events: readonly AuditEvent[];
  readonly subjectOf: (event: AuditEvent) => string | undefined;
  /** The members of the event that name the subject alone. */
  readonly about: (
    subject: string,
  ) => UnusualPattern["event"] extends infer Event ? Omit<Event, "at"> : never;
  readonly count: (
    subjects: readonly string[],
    since: number,
  ) => Promise<ReadonlyMap<string, number>>;
}

/** Returns the subjects that have reached the limit, except those that were already reported within the same time. */
const repetitions = async (
  { kind, limit, events, subjectOf, about, count }: Repetition,
  history: EventHistory,
): Promise<UnusualPattern[]> => {
  const newest = new Map<string, number>();
  for (const event of events) {
    const subject = subjectOf(event);
    if (subject) newest.set(subject, Math.max(event.at, newest.get(subject) ?? 0));
  }
  if (newest.size === 0) return [];
  const since = Math.max(...newest.values()) - limit.withinMs;
  const counts = await count([...newest.keys()], since);
  const many = [...newest].filter(([subject]) => (counts.get(subject) ?? 0) >= limit.atLeast);
  if (many.length === 0) return [];
  const told = await history.toldOf(kind, since);
  return many
    .filter(([subject]) => !told.has(subject))
    .map(([subject, at]) => ({
      kind,
      event: { at, ...about(subject) },
      metadata: { count: String(counts.get(subject)) },
    }));
};

/** Users and addresses with many failed logins. */
export const failedLoginPatterns = async (
  events: readonly AuditEvent[],
  history: EventHistory,
): Promise<UnusualPattern[]> => {
  const failures = events.filter(({ type }) => type === "LOGIN_FAILED");
  const ofUsers = await repetitions(
    {
      kind: "many_failed_logins",
      limit: FAILURES,
      events: failures,
      subjectOf: ({ userId }) => userId,
      about: (userId) => ({ userId }),
      count: (users, since) => history.failedLogins("user", users, since),
    },
    history,
  );
  const fromAddresses = await repetitions(
    {
      kind: "many_failed_logins_from_address",
      limit: FAILURES,
      events: failures,
      subjectOf: ({ ip }) => ip && sourceOf(ip),
      about: (ip) => ({ ip }),
      count: (addresses, since) => history.failedLogins("address", addresses, since),
    },
    history,
  );
  return [...ofUsers, ...fromAddresses];
};

/** Callers that have ended many sessions in a short time. */
export const revocationBursts = (
  events: readonly AuditEvent[],
  history: EventHistory,
): Promise<UnusualPattern[]> =>
  repetitions(
    {
      kind: "revocation_burst",
      limit: REVOCATIONS,
      events: events.filter(
        ({ type, reason }) => type === "SESSION_ENDED" && REVOKED.has(reason ?? ""),
      ),
      subjectOf: ({ actor }) => (actor === "system" ? undefined : actor),
      about: (actor) => ({ actor }),
      count: history.revocationsBy,
    },
    history,
  );
