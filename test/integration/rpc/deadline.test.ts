import { afterEach, describe, expect, test } from "vitest";
import { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { CallContext } from "../../../src/rpc/call_context.js";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import { type Rules, readRules } from "../../../src/rpc/rules.js";
import { waitUntil } from "../../support/wait_until.js";
import { asService, call, refusalOf, type StubServer, startStubServer } from "./stub_server.js";

let stub: StubServer | undefined;
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

const question = { accessToken: "token", audience: "", skipActivity: false };

const withDeadline = (deadlineMs: number): Rules => {
  const rules = readRules(readDescriptors());
  return { ...rules, of: (path) => ({ ...rules.of(path), deadlineMs }) };
};

/** A server whose ValidateToken answers only when its call is over. */
const startStuck = async (deadlineMs: number) => {
  const contexts: CallContext[] = [];
  const validateToken = (_request: unknown, ctx: CallContext): Promise<ValidateTokenResponse> => {
    contexts.push(ctx);
    return new Promise((resolve) => {
      ctx.signal.addEventListener("abort", () => resolve(ValidateTokenResponse.create()));
    });
  };
  stub = await startStubServer({ validateToken }, { rules: withDeadline(deadlineMs) });
  return { stub, contexts };
};

describe("the time of a call", () => {
  test("is limited by the method's rule, which ends its work (D5)", async () => {
    const { stub, contexts } = await startStuck(20);
    const auth = stub.client();
    expect(await refusalOf(call(auth, "validateToken", question, asService))).toMatchObject({
      code: 4,
      reason: "DEADLINE_EXCEEDED",
      retry: { retryDelay: { seconds: 1n } },
    });
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(stub.calls).toMatchObject([{ code: 4, reason: "DEADLINE_EXCEEDED" }]);
  });

  test("is limited by the caller's deadline if that comes first", async () => {
    const { stub, contexts } = await startStuck(60_000);
    const auth = stub.client();
    // The deadline is for the call, not for the time it takes to connect.
    await new Promise<void>((resolve, reject) => {
      auth.waitForReady(Date.now() + 5000, (error) => (error ? reject(error) : resolve()));
    });
    const pending = new Promise((resolve, reject) => {
      auth.validateToken(question, asService, { deadline: Date.now() + 200 }, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
    expect(await refusalOf(pending)).toMatchObject({ code: 4 });
    await waitUntil("the call is counted", () => stub.calls.length > 0);
    expect(contexts[0]?.signal.aborted).toBe(true);
    // Node may drop the stream before the server's own timer fires.
    expect([1, 4]).toContain(stub.calls[0]?.code);
  });

  test("ends when the caller goes away, which is counted once as CANCELLED", async () => {
    const { stub, contexts } = await startStuck(60_000);
    const auth = stub.client();
    const failure = new Promise((resolve) => {
      const sent = auth.validateToken(question, asService, (error) => resolve(error));
      void waitUntil("the call is being worked on", () => contexts.length > 0).then(() =>
        sent.cancel(),
      );
    });
    expect(await failure).toMatchObject({ code: 1 });
    await waitUntil("the call is counted", () => stub.calls.length > 0);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(stub.calls).toMatchObject([{ code: 1, reason: undefined }]);
  });

  test("limits calls whose message never comes, too", async () => {
    const rules = withDeadline(20);
    stub = await startStubServer({}, { rules });
    const auth = stub.client();
    const failure = new Promise((resolve) => {
      const half = auth.makeClientStreamRequest(
        "/curfew.v1.AuthService/GetJwks",
        (sent: Buffer) => sent,
        (got) => got,
        (error) => resolve(error),
      );
      half.on("error", () => {});
    });
    expect(await failure).toMatchObject({ code: 4 });
  });
});
