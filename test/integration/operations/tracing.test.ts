import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from "../../support/otlp_receiver.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

let receiver: OtlpReceiver;
let service: TestService;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  service = await startTestService({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=the%20tests",
    // The tests are a proxy that is trusted about traces.
    TRUSTED_PROXIES: "127.0.0.1",
  });
});
afterAll(async () => {
  await service.stop();
  await receiver.close();
});

const newTrace = () => {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
};
const spansOf = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);
const named = (traceId: string, name: string): ReceivedSpan | undefined =>
  spansOf(traceId).find((span) => span.name === name);

const post = (path: string, body: unknown, headers: Record<string, string>) =>
  fetch(`${service.origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close", ...headers },
    body: JSON.stringify(body),
  });

describe("traces", () => {
  test("a login over REST is one trace: client, gateway, service, statements", async () => {
    const { username } = await service.createUser();
    const { traceId, spanId, traceparent } = newTrace();
    const response = await post("/auth/login", { username, password: PASSWORD }, { traceparent });
    expect(response.status).toBe(200);
    const rpc = "curfew.v1.AuthService/Login";
    await waitUntil("the request's span has arrived", () =>
      ["POST /auth/login", rpc, "INSERT sessions"].every((name) => named(traceId, name)),
    );
    const request = named(traceId, "POST /auth/login");
    const call = named(traceId, rpc);
    expect(request?.parentSpanId).toBe(spanId);
    expect(call?.parentSpanId).toBe(request?.spanId);
    expect(named(traceId, "INSERT sessions")).toMatchObject({
      parentSpanId: call?.spanId,
      attributes: {
        "db.system.name": "postgresql",
        "db.operation.name": "INSERT",
        "db.collection.name": "sessions",
      },
    });
    expect(receiver.headers()).toMatchObject({ "x-tenant": "the tests", path: "/v1/traces" });

    const { access_token: accessToken } = (await response.json()) as { access_token: string };
    await waitUntil("Redis is asked", async () => {
      const trace = newTrace();
      const authorization = `Bearer ${service.adminKey}`;
      const headers = { traceparent: trace.traceparent, authorization };
      await post("/api/v1/auth/validate", { access_token: accessToken }, headers);
      await waitUntil(
        "the call's span has arrived",
        () => named(trace.traceId, "curfew.v1.AuthService/ValidateToken") !== undefined,
      );
      const script = named(trace.traceId, "EVALSHA curfew_check");
      const validation = named(trace.traceId, "curfew.v1.AuthService/ValidateToken");
      return script !== undefined && script.parentSpanId === validation?.spanId;
    });
  });

  test("a failure has its reason, and a session its ids", async () => {
    const user = await service.createUser();
    const { accessToken, session } = await service.signIn(user.username);
    await service.call(AuthServiceService.getProfile, {}, accessToken);
    await expect(service.call(AuthServiceService.getProfile, {})).rejects.toThrow();
    const profiles = () =>
      receiver.spans.filter((span) => span.name === "curfew.v1.AuthService/GetProfile");
    await waitUntil("both have arrived", () => profiles().length >= 2);
    const attributes = profiles().map((span) => span.attributes);
    expect(attributes).toContainEqual(
      expect.objectContaining({
        "user.id": user.userId,
        "curfew.session_id": session?.sessionId,
        "rpc.method": "GetProfile",
      }),
    );
    expect(attributes).toContainEqual(
      expect.objectContaining({ "curfew.reason": "CREDENTIALS_MISSING" }),
    );
  });

  test("a caller that does not record is followed, and what is malformed begins a trace", async () => {
    const { traceId, spanId } = newTrace();
    const { username } = await service.createUser();
    const login = (traceparent: string) =>
      post("/auth/login", { username, password: PASSWORD }, { traceparent });
    await login(`00-${traceId}-${spanId}-00`);
    const before = receiver.spans.length;
    await login(`00-${"0".repeat(32)}-${spanId}-01`);
    await waitUntil("the second has arrived", () =>
      receiver.spans.slice(before).some((span) => span.name === "POST /auth/login"),
    );
    expect(spansOf(traceId)).toEqual([]);
    expect(receiver.spans.every((span) => /[1-9a-f]/.test(span.traceId))).toBe(true);
  });

  test("D6: nothing that was sent is a secret", () => {
    const sent = receiver.bodies();
    expect(sent).toContain("curfew.v1.AuthService/Login");
    expect(sent).not.toMatch(/eyJ|cf[rs]_|\$argon2/);
    expect(sent).not.toContain(PASSWORD);
    expect(sent).not.toContain(service.adminKey);
  });
});
