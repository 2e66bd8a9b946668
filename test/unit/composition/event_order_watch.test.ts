import { expect, test } from "vitest";
import { watchEventOrder } from "../../../src/composition/event_order_watch.js";
import { createLogger } from "../../../src/telemetry/logger.js";
import { createMetrics } from "../../../src/telemetry/metrics.js";

test("a transaction that holds up the events is a metric at once, and one line of log when it lasts", async () => {
  const lines: { msg: string; pids?: number[] }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ level: "info", people: false, destination });
  const metrics = createMetrics();
  let heldUp: { forMs: number; pids: number[] } | undefined;
  const look = watchEventOrder({ heldUp: () => heldUp }, logger, metrics);
  const lag = async () =>
    /^curfew_event_order_lag_seconds (\S+)$/m.exec(await metrics.registry.metrics())?.[1];

  look();
  expect(await lag()).toBe("0");
  heldUp = { forMs: 2000, pids: [41] };
  look();
  expect(await lag()).toBe("2");
  expect(lines).toEqual([]);
  for (const forMs of [20_000, 40_000]) {
    heldUp = { forMs, pids: [41] };
    look();
  }
  expect(lines).toMatchObject([{ pids: [41] }]);
  expect(lines[0]?.msg).toContain("audit_events");
  heldUp = undefined;
  look();
  look();
  expect(lines).toHaveLength(2);
});
