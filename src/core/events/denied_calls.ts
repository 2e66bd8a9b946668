import { sourceOf } from "../caller/source.js";
import type { AuditLog } from "../ports/audit_log.js";
import type { Clock } from "../ports/clock.js";
import type { AuditEvent } from "./audit_event.js";

/** One source writes at most two events in this time. Milliseconds. */
export const DENIED_CALLS_WINDOW_MS = 60_000;
/** The number of sources that are reported one by one in a window; further sources are reported together. */
const MAX_SOURCES = 500;
const MAX_METHODS = 10;

export interface DeniedCall {
  readonly method: string;
  readonly reason: string;
  /** The actor, if a credential named one; else empty. */
  readonly actor: string;
  readonly ip: string;
}

/** Further denied calls of one source that will be reported together. */
interface Tally {
  readonly event: AuditEvent;
  readonly methods: Set<string>;
  count: number;
}

/**
 * Writes security events about denied calls, in bounded number, so that a scanner cannot fill the log: the first call
 * of a source (network, actor and reason) in a minute is written before it is answered, the others of that minute as
 * one event with their number as `count`. The counts add up to the number of calls, except for those of the last minute
 * before a crash.
 */
export interface DeniedCalls {
  record(call: DeniedCall): Promise<void>;
  /** Writes what waits, and begins a new window. Call it every DENIED_CALLS_WINDOW_MS and at the stop. */
  flush(): Promise<void>;
}

export const deniedCalls = (deps: {
  audit: Pick<AuditLog, "record">;
  clock: Pick<Clock, "now">;
}): DeniedCalls => {
  const { audit, clock } = deps;
  let tallies = new Map<string, Tally>();

  const tallyOf = (key: string, event: AuditEvent): { tally: Tally; isFirst: boolean } => {
    const known = tallies.get(key);
    if (known !== undefined) return { tally: known, isFirst: false };
    const tally = { event, methods: new Set<string>(), count: 0 };
    tallies.set(key, tally);
    return { tally, isFirst: true };
  };

  const sum = ({ event, methods, count }: Tally, at: number): AuditEvent => ({
    ...event,
    at,
    metadata: { count: String(count), methods: [...methods].join(", ") },
  });

  return {
    async record({ method, reason, actor, ip }) {
      const event: AuditEvent = { type: "CALL_DENIED", at: clock.now(), actor, ip, reason };
      const source = `${sourceOf(ip)} ${actor} ${reason}`;
      const isOneOfTooMany = tallies.size >= MAX_SOURCES && !tallies.has(source);
      const { tally, isFirst } = isOneOfTooMany
        ? tallyOf("", { ...event, actor: "", ip: "", reason: "" })
        : tallyOf(source, event);
      if (isFirst && !isOneOfTooMany) {
        await audit.record([{ ...event, metadata: { method } }]);
        return;
      }
      tally.count += 1;
      if (tally.methods.size < MAX_METHODS) tally.methods.add(method);
    },

    async flush() {
      const over = [...tallies.values()].filter(({ count }) => count > 0);
      const window = tallies;
      tallies = new Map();
      try {
        await audit.record(over.map((tally) => sum(tally, clock.now())));
      } catch (failure) {
        // Kept for the next attempt, together with the calls that have arrived since.
        for (const [key, tally] of window) {
          const newer = tallies.get(key);
          tally.count += newer?.count ?? 0;
          for (const method of newer?.methods ?? []) tally.methods.add(method);
          tallies.set(key, tally);
        }
        throw failure;
      }
    },
  };
};
