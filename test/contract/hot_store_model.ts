import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect } from "vitest";
import type { HotAnswer, HotEntry, Lease } from "../../src/core/ports/hot_store.js";
import type { HotStoreUnderTest } from "./hot_store_under_test.js";

/** One thing that happens to one of a few sessions. */
export type HotStep =
  | { readonly kind: "ask"; readonly session: number; readonly touch: boolean }
  /** A caller that asked long ago, `age` fill tokens back, fills only now. */
  | { readonly kind: "fill"; readonly session: number; readonly age: number }
  | { readonly kind: "invalidate" | "forget" | "evict"; readonly session: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "next epoch" };

const SESSIONS = 3;

/** Random histories in which most time passes between asking and filling. */
export const hotSteps = (idleTimeoutMs: number): fc.Arbitrary<HotStep[]> => {
  const session = fc.nat({ max: SESSIONS - 1 });
  const on = <K extends HotStep["kind"]>(kind: K) => fc.constant(kind);
  return fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: on("ask"), session, touch: fc.boolean() }) },
      {
        weight: 8,
        arbitrary: fc.record({ kind: on("fill"), session, age: fc.nat({ max: 2 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: on("invalidate"), session }) },
      { weight: 2, arbitrary: fc.record({ kind: on("forget"), session }) },
      { weight: 2, arbitrary: fc.record({ kind: on("evict"), session }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: on("wait"), ms: fc.integer({ min: 1, max: idleTimeoutMs }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: on("next epoch") }) },
    ),
    { maxLength: 60 },
  );
};

interface Handed {
  readonly fillToken: string;
  readonly lease: Lease;
  readonly at: number;
}

/** The facts about one session that the store must know. */
interface Known {
  readonly id: string;
  ended: boolean;
  entry: { epoch: string | undefined; lastActivityAt: number } | undefined;
  /** The one fill token that fills. */
  fillToken: string | undefined;
  /** Every fill token handed out and not used, newest first. */
  handed: Handed[];
  /** Whether the eviction of another session may have taken this one along. */
  perhapsForgotten: boolean;
}

/** Plays the steps on a store and on the model; the store may say less, never more. */
export const expectHotStoreToFollowModel = async (
  hot: HotStoreUnderTest,
  steps: readonly HotStep[],
  idleTimeoutMs: number,
): Promise<void> => {
  const serverIds = await hot.store.identify();
  const leaseIn = (epoch: number): Lease => ({
    serverIds,
    epochs: serverIds.map(() => `${epoch}`),
  });
  let now = Date.now();
  const never = now + 1000 * idleTimeoutMs;
  let epoch = 1;
  let lease = leaseIn(epoch);
  const sessions = Array.from({ length: SESSIONS }, () => unknownSession(randomUUID()));

  const entryFor = (id: string, lastActivityAt: number): HotEntry => ({
    sessionId: id,
    userId: "user",
    username: "name",
    roles: [],
    expiresAt: never,
    lastActivityAt,
  });

  const ask = async (known: Known, touch: boolean): Promise<void> => {
    const answer = await hot.store.check(
      { sessionId: known.id, now, touchAt: touch ? now : 0 },
      lease,
    );
    const { entry } = known;
    const counts =
      entry?.epoch === lease.epochs[0] &&
      entry !== undefined &&
      now < entry.lastActivityAt + idleTimeoutMs;
    const expected = known.ended ? "ended" : counts ? "live" : "unknown";
    const forgotten = answer.kind === "unknown" && answer.fillToken !== known.fillToken;
    if (known.perhapsForgotten && forgotten) forget(known);
    else expect(answer.kind).toBe(expected);
    known.perhapsForgotten = false;
    if (answer.kind === "live" && entry !== undefined) {
      if (touch) entry.lastActivityAt = Math.max(entry.lastActivityAt, now);
      expect(answer.entry).toEqual(entryFor(known.id, entry.lastActivityAt));
    }
    if (answer.kind === "unknown") takeFillToken(known, answer, { lease, at: now });
  };

  const fill = async (known: Known, age: number): Promise<void> => {
    const [handed] = known.handed.splice(age, 1);
    if (handed === undefined) return;
    await hot.store.fill(entryFor(known.id, handed.at), handed.fillToken, handed.lease);
    if (handed.fillToken !== known.fillToken) return;
    const lastActivityAt = Math.max(handed.at, known.entry?.lastActivityAt ?? 0);
    known.entry = { epoch: handed.lease.epochs[0], lastActivityAt };
    known.fillToken = undefined;
  };

  const invalidate = async (known: Known, ends: boolean): Promise<void> => {
    const end = { reason: "LOGOUT", at: now, by: "user", revision: 1n } as const;
    await hot.store.invalidate([
      {
        sessionId: known.id,
        userId: "user",
        end: ends ? end : undefined,
        accessExpiresAt: never,
      },
    ]);
    known.entry = undefined;
    known.fillToken = undefined;
    known.ended ||= ends;
    if (ends) known.perhapsForgotten = false;
  };

  for (const step of steps) {
    if (step.kind === "wait") now += step.ms;
    if (step.kind === "next epoch") {
      epoch += 1;
      lease = leaseIn(epoch);
    }
    const known = "session" in step ? sessions[step.session] : undefined;
    if (known === undefined) continue;
    if (step.kind === "ask") await ask(known, step.touch);
    if (step.kind === "fill") await fill(known, step.age);
    if (step.kind === "invalidate") await invalidate(known, true);
    if (step.kind === "forget") await invalidate(known, false);
    if (step.kind === "evict") {
      await hot.evict(known.id);
      for (const other of sessions) other.perhapsForgotten = true;
      forget(known);
    }
  }
};

const unknownSession = (id: string): Known => ({
  id,
  ended: false,
  entry: undefined,
  fillToken: undefined,
  handed: [],
  perhapsForgotten: false,
});

/** Fill tokens handed out stay in the hands of those who got them. */
const forget = (known: Known): void => {
  known.ended = false;
  known.entry = undefined;
  known.fillToken = undefined;
  known.perhapsForgotten = false;
};

const takeFillToken = (
  known: Known,
  answer: HotAnswer & { kind: "unknown" },
  asked: Omit<Handed, "fillToken">,
): void => {
  const { fillToken } = answer;
  if (fillToken === undefined) throw new Error("unknown under the right lease, but no fill token");
  if (known.fillToken !== undefined) expect(fillToken).toBe(known.fillToken);
  if (known.fillToken !== fillToken)
    expect(known.handed.map((handed) => handed.fillToken)).not.toContain(fillToken);
  known.fillToken = fillToken;
  known.handed.unshift({ fillToken, ...asked });
};
