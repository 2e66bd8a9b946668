import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import type { ReceivedTrace } from "../../../src/core/caller/trace_parent.js";
import type { ServiceAuth } from "../../../src/rpc/authenticate.js";
import { believesTrace, type CallOutcome, tracing } from "../../../src/rpc/interceptors/tracing.js";
import { tlsCredentials } from "../../../src/rpc/tls_credentials.js";
import { createCertificateAuthority } from "../../support/certificates.js";
import { waitUntil } from "../../support/wait_until.js";
import { call, judge, metadataOf, type StubServer, startStubServer } from "./stub_server.js";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const question = { accessToken: "token", audience: "", skipActivity: false };

interface SeenSpan {
  readonly method: string;
  readonly trace: ReceivedTrace;
  readonly outcomes: CallOutcome[];
}

const stubs: StubServer[] = [];
afterEach(async () => {
  await Promise.all(stubs.splice(0).map((stub) => stub.close()));
});

const start = async (
  serviceAuth: ServiceAuth,
  options: Parameters<typeof startStubServer>[1] = {},
) => {
  const spans: SeenSpan[] = [];
  const stub = await startStubServer(
    {},
    {
      judge: { ...judge, serviceAuth },
      tracing: tracing((method, trace) => {
        const outcomes: CallOutcome[] = [];
        spans.push({ method, trace, outcomes });
        return { end: (outcome) => outcomes.push(outcome) };
      }, believesTrace(serviceAuth)),
      ...options,
    },
  );
  stubs.push(stub);
  return { stub, spans };
};

const traced = (more: Readonly<Record<string, string>> = {}) =>
  metadataOf({ traceparent: TRACEPARENT, tracestate: "a=b", ...more });

/** Whether the service trusts each caller so far, in turn. */
const believed = (spans: readonly SeenSpan[]) => spans.map(({ trace }) => trace.isBelieved);

const SERVICE_KEY = { authorization: "Bearer cfs_billing" };

describe("D8 the trace context of a call is believed", () => {
  test("of a service with a key, also on later calls of its connection; of nobody before", async () => {
    const { stub, spans } = await start("key");
    const client = stub.client();
    await call(client, "getJwks", {}, traced());
    await call(client, "getProfile", {}, traced({ authorization: "Bearer ada" }));
    await call(client, "validateToken", question, traced(SERVICE_KEY));
    await call(client, "getJwks", {}, traced());
    expect(believed(spans)).toEqual([false, false, true, true]);
    expect(spans[0]?.trace).toEqual({
      traceparent: TRACEPARENT,
      tracestate: "a=b",
      isBelieved: false,
    });
  });

  test("of no call that is refused for its credential", async () => {
    const { stub, spans } = await start("key");
    const forged = traced({ authorization: "Bearer cfs_forged" });
    await expect(call(stub.client(), "validateToken", question, forged)).rejects.toThrow();
    await expect(call(stub.client(), "validateToken", question, traced())).rejects.toThrow();
    expect(believed(spans)).toEqual([false, false]);
    // Each has one span, with its end, although it began with it.
    expect(spans.map(({ outcomes }) => outcomes.map(({ reason }) => reason))).toEqual([
      ["ACCESS_TOKEN_INVALID"],
      ["CREDENTIALS_MISSING"],
    ]);
  });

  test("of anybody where services need not prove who they are", async () => {
    const { stub, spans } = await start("none");
    await call(stub.client(), "getJwks", {}, traced());
    expect(believed(spans)).toEqual([true]);
  });

  test("but not of a call that a stranger says it forwards", async () => {
    const { stub, spans } = await start("none");
    await call(stub.client(), "getJwks", {}, traced({ "x-forwarded-for": "203.0.113.1" }));
    expect(believed(spans)).toEqual([false]);
  });

  test("of a trusted proxy, and of our own gateway", async () => {
    const { stub, spans } = await start("key", { trustedProxies: ["127.0.0.1"] });
    await call(stub.client(), "getJwks", {}, traced({ "x-forwarded-for": "203.0.113.1" }));
    const other = await start("key");
    const folder = mkdtempSync(join(tmpdir(), "curfew-test-"));
    try {
      const target = `unix:${join(folder, "rpc.sock")}`;
      await other.stub.server.listen(target);
      const gateway = new AuthServiceClient(target, credentials.createInsecure());
      await call(gateway, "getJwks", {}, traced({ "x-forwarded-for": "203.0.113.1" }));
      gateway.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expect(believed([...spans, ...other.spans])).toEqual([true, true]);
  });

  test("of a certificate, but not for what its proxy forwards", async () => {
    const authority = await createCertificateAuthority();
    const files = await authority.issueServer();
    const own = await authority.issueClient("billing");
    const { stub, spans } = await start("mtls", {
      tls: await tlsCredentials({
        certFile: files.certificateFile,
        keyFile: files.keyFile,
        clientCaFile: authority.caFile,
        requireClientCertificate: false,
        refreshMs: 60_000,
        onReload: () => {},
      }),
    });
    const ca = await readFile(authority.caFile);
    const proven = credentials.createSsl(
      ca,
      await readFile(own.keyFile),
      await readFile(own.certificateFile),
    );
    const service = stub.client(proven, "localhost");
    await call(service, "getJwks", {}, traced());
    await call(service, "getJwks", {}, traced({ "x-forwarded-for": "203.0.113.1" }));
    await call(service, "validateToken", question, traced());
    await call(service, "getJwks", {}, traced({ "x-forwarded-for": "203.0.113.1" }));
    await call(stub.client(credentials.createSsl(ca), "localhost"), "getJwks", {}, traced());
    expect(believed(spans)).toEqual([true, false, true, false, false]);
  });
});

test("a span begins when its call came in, not when its caller was known", async () => {
  const startedAt: number[] = [];
  const judged: (() => void)[] = [];
  const { stub } = await start("key", {
    judge: {
      ...judge,
      authenticateServiceKey: (key) =>
        new Promise((resolve) =>
          judged.push(() => resolve(judge.authenticateServiceKey(key) as never)),
        ),
    },
    tracing: tracing((_method, _trace, at) => {
      startedAt.push(at);
      return { end: () => undefined };
    }, believesTrace("key")),
  });
  const answered = call(stub.client(), "validateToken", question, metadataOf(SERVICE_KEY));
  await waitUntil("it is being judged", () => judged.length === 1);
  const judgedAt = performance.now();
  judged[0]?.();
  await answered;
  expect(startedAt).toHaveLength(1);
  expect(startedAt[0]).toBeLessThan(judgedAt);
});
