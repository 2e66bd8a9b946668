import { readFileSync } from "node:fs";
import { ChannelCredentials, Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  AuthServiceClient,
  AuthServiceService,
  type LoginResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { findFreePort } from "../../support/free_port.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { parseMetrics, sumOf, unserved } from "./served_metrics.js";

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: { readonly severity: string };
      readonly annotations: { readonly summary: string; readonly description: string };
    }[];
  }[];
}

const dashboard = JSON.parse(readFileSync("deploy/grafana/curfew.json", "utf8")) as Dashboard;
const alerts = parse(readFileSync("deploy/prometheus/alerts.yaml", "utf8")) as Alerts;

let service: TestService;
let metricsUrl: string;
let text: string;
const scrape = async (): Promise<string> => {
  text = await (await fetch(metricsUrl, { headers: { connection: "close" } })).text();
  return text;
};

const validate = ({ accessToken }: LoginResponse) =>
  service.call(
    AuthServiceService.validateToken,
    { accessToken, audience: "", skipActivity: false },
    service.adminKey,
  );

/** A little of everything, until all of it has been counted. */
const makeTraffic = async (): Promise<void> => {
  await waitUntil("the hot store is trusted", async () => {
    return sumOf(await scrape(), "curfew_hot_store_breaker", { state: "closed" }) === 1;
  });
  const { username } = await service.createUser();
  const watcher = new AuthServiceClient(service.target, ChannelCredentials.createInsecure());
  const credentials = new Metadata();
  credentials.set("authorization", `Bearer ${service.adminKey}`);
  const watch = watcher.watchRevocations({ afterRevision: 0n }, credentials);
  const told = new Promise<void>((resolve) => {
    watch.on("data", ({ event }) => {
      if (event?.$case === "revocation") resolve();
    });
    watch.on("error", () => undefined);
  });
  // The first message says that the watch stands.
  await new Promise((resolve) => watch.once("data", resolve));

  const kept = await service.signIn(username);
  await expect(service.signIn(username, "test", "a wrong passphrase")).rejects.toThrow();
  await expect(service.call(AuthServiceService.getProfile, {})).rejects.toThrow();
  await expect(service.signIn(username, "x".repeat(20_000))).rejects.toThrow();
  await service.call(AuthServiceService.refreshTokens, {
    refreshToken: kept.refreshToken,
    language: "",
  });
  await validate(kept);
  await validate(kept);
  const { accessToken } = await service.signIn(username);
  await service.call(AuthServiceService.logout, { accessToken, language: "" });
  await told;
  watch.cancel();
  watcher.close();
  await service.call(SessionAdminService.cleanupSessions, {}, service.adminKey);
  await waitUntil(
    "everything has been counted",
    async () => {
      await scrape();
      return (
        sumOf(text, "curfew_sessions", { state: "ended" }) >= 1 &&
        sumOf(text, "curfew_activity_flush_sessions_count") >= 1 &&
        sumOf(text, "curfew_security_events_total", { type: "LOGIN" }) >= 2
      );
    },
    40_000,
  );
};

beforeAll(async () => {
  const port = await findFreePort();
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
  service = await startTestService({ METRICS_PORT: String(port) });
  await makeTraffic();
}, 90_000);
afterAll(() => service.stop());

describe("metrics of a running service", () => {
  test.each([
    ["curfew_rpc_calls_total", { method: "curfew.v1.AuthService/Login", code: "OK" }, 2],
    ["curfew_rpc_calls_total", { reason: "INVALID_CREDENTIALS" }, 1],
    ["curfew_refusals_total", { by: "bound", limit: "message_bytes" }, 1],
    ["curfew_rpc_duration_seconds_count", { method: "curfew.v1.AuthService/ValidateToken" }, 2],
    ["curfew_hot_store_answers_total", { outcome: "live" }, 1],
    ["curfew_hot_store_answers_total", { outcome: "doubt" }, 1],
    ["curfew_hot_store_batch_sessions_count", {}, 2],
    ["curfew_truth_batch_sessions_count", {}, 1],
    ["curfew_activity_flush_sessions_sum", {}, 1],
    ["curfew_activity_flush_lag_seconds_count", {}, 1],
    ["curfew_hot_store_breaker", { state: "closed" }, 1],
    ["curfew_sessions", { state: "live" }, 1],
    ["curfew_sessions", { state: "ended" }, 1],
    ["curfew_security_events_total", { type: "LOGIN_FAILED" }, 1],
    ["curfew_security_events_total", { type: "REFRESHED" }, 1],
    ["curfew_sessions_ended_total", { reason: "LOGOUT" }, 1],
    ["curfew_revocation_lag_seconds_count", {}, 1],
    ["curfew_job_runs_total", { job: "cleanup", outcome: "ok" }, 1],
    ["curfew_job_runs_total", { job: "sessionCounts", outcome: "ok" }, 1],
  ])("%s %j is fed", (name, labels, least) => {
    expect(sumOf(text, name, labels)).toBeGreaterThanOrEqual(least);
  });

  test("connections of the pool add up to something", () => {
    const used = sumOf(text, "curfew_postgres_pool_connections", { state: "used" });
    const idle = sumOf(text, "curfew_postgres_pool_connections", { state: "idle" });
    expect(used + idle).toBeGreaterThan(0);
    expect(sumOf(text, "curfew_key_age_seconds", { use: "sign" })).toBeGreaterThanOrEqual(0);
  });

  test("hold no name of a user, and no secret", () => {
    expect(text).not.toMatch(/user-[0-9a-f]{8}|eyJ|cf[rs]_/);
  });
});

describe("what operators load", () => {
  const expressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );

  test.each(expressions)("dashboard, %s: %s", (_title, expression) => {
    expect(unserved(expression, parseMetrics(text))).toEqual([]);
  });

  const rules = alerts.groups.flatMap((group) => group.rules);

  test.each(rules.map((rule) => [rule.alert, rule] as const))("alert %s", (_name, rule) => {
    expect(unserved(rule.expr, parseMetrics(text))).toEqual([]);
    expect(["critical", "warning"]).toContain(rule.labels.severity);
    expect(rule.annotations.summary).not.toBe("");
    expect(rule.annotations.description).not.toBe("");
  });

  test("the check finds what is not served", () => {
    const served = parseMetrics(text);
    expect(unserved("rate(curfew_nothing_total[5m])", served)).toHaveLength(1);
    expect(unserved('curfew_sessions{state="asleep"}', served)).toHaveLength(1);
    expect(unserved('curfew_sessions{colour="red"}', served)).toHaveLength(1);
    expect(unserved("sum by (colour) (curfew_sessions)", served)).toHaveLength(1);
    expect(unserved("up", served)).toHaveLength(1);
  });
});
