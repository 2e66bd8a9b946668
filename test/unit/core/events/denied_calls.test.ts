import { describe, expect, test } from "vitest";
import { unavailable } from "../../../../src/core/errors.js";
import type { AuditEvent } from "../../../../src/core/events/audit_event.js";
import { deniedCalls } from "../../../../src/core/events/denied_calls.js";

const call = { method: "/x/Y", reason: "CREDENTIALS_MISSING", actor: "", ip: "192.0.2.1" };

const stage = () => {
  const written: AuditEvent[] = [];
  let isAway = false;
  const denied = deniedCalls({
    clock: { now: () => 5 },
    audit: {
      record: async (events) => {
        if (isAway && events.length > 0) throw unavailable();
        written.push(...events);
      },
    },
  });
  /** The sum of the calls that the events report. */
  const told = () => written.reduce((sum, { metadata }) => sum + Number(metadata?.count ?? "1"), 0);
  return {
    denied,
    written,
    told,
    setAway: (away: boolean) => {
      isAway = away;
    },
  };
};

describe("denied calls", () => {
  test("D7: of one source the first is told at once, the others together, and the sum is right", async () => {
    const { denied, written, told } = stage();
    for (let i = 0; i < 1000; i++) await denied.record({ ...call, method: `/x/${i % 30}` });
    expect(written).toEqual([
      {
        type: "CALL_DENIED",
        at: 5,
        actor: "",
        ip: "192.0.2.1",
        reason: "CREDENTIALS_MISSING",
        metadata: { method: "/x/0" },
      },
    ]);
    await denied.flush();
    await denied.flush();
    expect(written).toHaveLength(2);
    expect(written[1]?.metadata?.methods?.split(", ")).toHaveLength(10);
    expect(told()).toBe(1000);
  });

  test("sources beyond a bound share one event, addresses of one network one source", async () => {
    const { denied, written, told } = stage();
    for (let i = 0; i < 3000; i++)
      await denied.record({ ...call, ip: `10.0.${i >> 8}.${i & 255}` });
    for (let i = 0; i < 50; i++) await denied.record({ ...call, ip: `2001:db8::${i}` });
    await denied.flush();
    expect(written.length).toBeLessThanOrEqual(502);
    expect(told()).toBe(3050);
    const second = stage();
    for (let i = 0; i < 50; i++) await second.denied.record({ ...call, ip: `2001:db8::${i}` });
    expect(second.written).toHaveLength(1);
  });

  test("what could not be written is told the next time", async () => {
    const { denied, told, setAway } = stage();
    for (let i = 0; i < 5; i++) await denied.record(call);
    setAway(true);
    await expect(denied.flush()).rejects.toThrow();
    for (let i = 0; i < 3; i++) await denied.record(call);
    setAway(false);
    await denied.flush();
    expect(told()).toBe(8);
  });
});
