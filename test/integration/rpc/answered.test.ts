import { credentials, Metadata, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { AuthServiceClient, LoginResponse } from "../../../generated/curfew/v1/auth_service.js";
import { fail } from "../../../src/core/errors.js";
import type { CallContext } from "../../../src/rpc/call_context.js";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import { readRules } from "../../../src/rpc/rules.js";
import { waitUntil } from "../../support/wait_until.js";
import { call, type StubServer, startStubServer } from "./stub_server.js";

const REQUEST = { username: "ada", password: "right", language: "", deviceName: "" };

let stub: StubServer | undefined;
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

/** A server whose Login does `work` and records the report about its answer. */
const startNoting = async (work: (ctx: CallContext) => Promise<LoginResponse>) => {
  const told: boolean[] = [];
  const contexts: CallContext[] = [];
  const login = (_request: unknown, ctx: CallContext) => {
    contexts.push(ctx);
    ctx.onAnswered((isSent) => told.push(isSent));
    return work(ctx);
  };
  stub = await startStubServer({ login });
  return { auth: stub.client(), told, contexts };
};

/** Calls Login as a caller who goes away once it is being worked on. */
const callAndLeave = ({ auth, contexts }: Awaited<ReturnType<typeof startNoting>>) =>
  new Promise<number | undefined>((resolve) => {
    const sent = auth.login(REQUEST, (error) => resolve(error?.code));
    void waitUntil("the call is worked on", () => contexts.length > 0).then(() => sent.cancel());
  });

const OK = async () => LoginResponse.create();
const afterTheCall = (ctx: CallContext) =>
  new Promise<LoginResponse>((resolve) => {
    ctx.signal.addEventListener("abort", () => resolve(LoginResponse.create()));
  });

test("O3 an OK answer counts as sent, once", async () => {
  const { auth, told } = await startNoting(OK);
  await call(auth, "login", REQUEST);
  await waitUntil("the handler is told", () => told.length > 0);
  expect(told).toEqual([true]);
});

test("O3 the same with a compressed request, which grpc-js itself serves", async () => {
  const { told } = await startNoting(OK);
  if (stub === undefined) throw new Error("no server");
  const gzip = new AuthServiceClient(`127.0.0.1:${stub.port}`, credentials.createInsecure(), {
    "grpc.default_compression_algorithm": 2,
  });
  await call(gzip, "login", REQUEST);
  await waitUntil("the handler is told", () => told.length > 0);
  gzip.close();
  expect(told).toEqual([true]);
});

test("O3 a failure is no answer that was sent", async () => {
  const { auth, told } = await startNoting(() => Promise.reject(fail("INVALID_CREDENTIALS")));
  await expect(call(auth, "login", REQUEST)).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
  });
  await waitUntil("the handler is told", () => told.length > 0);
  expect(told).toEqual([false]);
});

test("O3 nothing is sent to a caller that went away, and late listeners hear so at once", async () => {
  const stage = await startNoting(afterTheCall);
  expect(await callAndLeave(stage)).toBe(status.CANCELLED);
  await waitUntil("the handler is told", () => stage.told.length > 0);
  expect(stage.told).toEqual([false]);
  const [ctx] = stage.contexts;
  const late = await new Promise((resolve) => ctx?.onAnswered(resolve));
  expect(late).toBe(false);
});

test("O3 the deadline of a call is the earlier of the caller's and the method's", async () => {
  const { contexts, auth } = await startNoting(OK);
  await call(auth, "login", REQUEST);
  await new Promise<void>((resolve, reject) => {
    auth.login(REQUEST, new Metadata(), { deadline: Date.now() + 3000 }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const [byRule, byCaller] = contexts.map((ctx) => ctx.deadlineAt - ctx.startedAt);
  const { deadlineMs } = readRules(readDescriptors()).of("/curfew.v1.AuthService/Login");
  expect(byRule).toBeCloseTo(deadlineMs);
  // Computed from two clocks, one of which has whole milliseconds.
  expect(byCaller).toBeLessThanOrEqual(3001);
});
