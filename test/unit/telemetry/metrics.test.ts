import { describe, expect, test } from "vitest";
import { createMetrics } from "../../../src/telemetry/metrics.js";

describe("metrics", () => {
  test("calls are counted by method, code and reason, and timed by method", async () => {
    const metrics = createMetrics({ processMetrics: false });
    const method = "curfew.v1.AuthService/ValidateToken";
    metrics.countCall(method, "OK", "", 0.0004);
    metrics.countCall(method, "OK", "", 0.02);
    metrics.countCall(method, "UNAUTHENTICATED", "SESSION_EXPIRED", 0.001);
    const text = await metrics.render();
    expect(text).toContain(`curfew_rpc_calls_total{method="${method}",code="OK",reason=""} 2`);
    expect(text).toContain(
      `curfew_rpc_calls_total{method="${method}",code="UNAUTHENTICATED",reason="SESSION_EXPIRED"} 1`,
    );
    expect(text).toContain(`curfew_rpc_duration_seconds_bucket{le="0.0005",method="${method}"} 1`);
    expect(text).toContain(`curfew_rpc_duration_seconds_count{method="${method}"} 3`);
  });

  test("D5: guessed method names share one label", async () => {
    const metrics = createMetrics({ processMetrics: false });
    for (let guess = 0; guess < 150; guess += 1) {
      metrics.countCall(`x/${guess}`, "UNIMPLEMENTED", "", 0);
    }
    const text = await metrics.render();
    expect(text).toContain('method="other",code="UNIMPLEMENTED",reason=""} 50');
    expect(text).not.toContain('"x/120"');
  });

  test("the stores are counted, and read at each scrape", async () => {
    const metrics = createMetrics({ processMetrics: false });
    let waiting = 0;
    metrics.countHotAnswers("doubt", 1);
    metrics.countHotBatch(7);
    metrics.countPrimaryStoreBatch(3);
    metrics.countActivityFlush(40, 0.6);
    metrics.queue.watchPool(() => ({
      used: 2,
      idle: 1,
      opening: 0,
      classes: { sign_in: { used: 2, waiting }, control: { used: 0, waiting: 0 } },
    }));
    metrics.watchBreaker(() => (waiting > 0 ? "open" : "closed"));
    expect(await metrics.render()).toContain('curfew_hot_store_breaker{state="closed"} 1');
    waiting = 9;
    const text = await metrics.render();
    expect(text).toContain('curfew_hot_store_answers_total{outcome="doubt"} 1');
    expect(text).toContain("curfew_hot_store_batch_sessions_sum 7");
    expect(text).toContain("curfew_truth_batch_sessions_sum 3");
    expect(text).toContain("curfew_activity_flush_sessions_sum 40");
    expect(text).toContain('curfew_activity_flush_lag_seconds_bucket{le="0.5"} 0');
    expect(text).toContain('curfew_postgres_pool_connections{state="waiting"} 9');
    expect(text).toContain('curfew_hot_store_breaker{state="open"} 1');
    expect(text).toContain('curfew_hot_store_breaker{state="closed"} 0');
  });

  test("the process and its event loop are measured", async () => {
    const text = await createMetrics().render();
    expect(text).toContain("process_resident_memory_bytes ");
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds ");
  });
});
