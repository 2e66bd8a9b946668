import { expect, test } from "vitest";
import { startServerProcess } from "../../support/server_process.js";

test("the metrics of several workers are served as one", async () => {
  const workers = await startServerProcess({
    command: process.execPath,
    args: ["--import", "tsx", "test/unit/telemetry/metrics_workers.ts"],
    ready: /metrics at \d+/,
    env: { PATH: process.env.PATH },
  });
  try {
    const port = /metrics at (\d+)/.exec(workers.output())?.[1];
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: { connection: "close" },
    });
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain(
      'curfew_rpc_calls_total{method="curfew.v1.AuthService/Login",code="OK",reason=""} 2',
    );
    expect(text).toMatch(/curfew_rpc_duration_seconds_count\{method="[^"]*\/Login"\} 2/);
    expect(text).toContain('curfew_hot_store_answers_total{outcome="live"} 10');
    // Counted by one for all, so not summed.
    expect(text).toContain('curfew_sessions{state="live"} 7');
    expect(text).toContain('curfew_hot_store_breaker{state="closed"} 2');
    expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
  } finally {
    await workers.stop("SIGKILL");
  }
}, 60_000);
