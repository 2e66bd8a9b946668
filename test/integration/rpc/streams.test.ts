import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  StreamValidateTokensRequest,
  StreamValidateTokensResponse,
  ValidateTokenResponse,
  WatchRevocationsResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { fail } from "../../../src/core/errors.js";
import type { CallContext } from "../../../src/rpc/call_context.js";
import { exchange } from "../../../src/rpc/exchange.js";
import { serverStream } from "../../../src/rpc/server_stream.js";
import { waitUntil } from "../../support/wait_until.js";
import {
  type AuthHandlers,
  asService,
  failureOf,
  judge,
  type StubServer,
  startStubServer,
  stubRules,
  stubService,
} from "./stub_server.js";

let stub: StubServer | undefined;
const start = async (...args: Parameters<typeof startStubServer>) => {
  stub = await startStubServer(...args);
  return stub;
};
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

const watermark = (revision: bigint) =>
  WatchRevocationsResponse.create({ event: { $case: "watermark", value: { revision } } });

/** Messages and the failure that a stream ends with, if it does. */
const collect = async (stream: AsyncIterable<WatchRevocationsResponse>) => {
  const messages: WatchRevocationsResponse[] = [];
  try {
    for await (const message of stream) messages.push(message);
    return { messages, failure: undefined };
  } catch (error) {
    return { messages, failure: failureOf(error as Parameters<typeof failureOf>[0]) };
  }
};

/** A stream that says nothing and ends with its call. */
async function* silence(ctx: CallContext) {
  yield watermark(1n);
  if (!ctx.over) await once(ctx.signal, "abort");
}

describe("a stream of answers", () => {
  test("arrives in order and is counted once", async () => {
    const { client, calls } = await start({
      async *watchRevocations({ afterRevision }) {
        for (let revision = afterRevision; revision < 500n; revision += 1n)
          yield watermark(revision);
      },
    });
    const { messages, failure } = await collect(
      client().watchRevocations({ afterRevision: 100n }, asService),
    );
    expect(failure).toBeUndefined();
    expect(
      messages.map(({ event }) => event?.$case === "watermark" && event.value.revision),
    ).toEqual(Array.from({ length: 400 }, (_, index) => 100n + BigInt(index)));
    expect(calls).toMatchObject([{ code: 0 }]);
  });

  test("that fails has delivered what came before", async () => {
    const { client, calls } = await start({
      async *watchRevocations() {
        yield watermark(1n);
        throw fail("REVISION_OUT_OF_RANGE");
      },
    });
    const { messages, failure } = await collect(
      client().watchRevocations({ afterRevision: 0n }, asService),
    );
    expect(messages).toHaveLength(1);
    expect(failure).toMatchObject({ code: 11, reason: "REVISION_OUT_OF_RANGE" });
    expect(calls).toMatchObject([{ code: 11, reason: "REVISION_OUT_OF_RANGE" }]);
  });

  test("is refused for a bad request, and for no credential", async () => {
    const { client } = await start();
    const bad = await collect(client().watchRevocations({ afterRevision: -1n }, asService));
    expect(bad.failure).toMatchObject({ reason: "INVALID_ARGUMENT", fields: ["after_revision"] });
    const stranger = await collect(client().watchRevocations({ afterRevision: 0n }));
    expect(stranger.failure).toMatchObject({ reason: "CREDENTIALS_MISSING" });
  });

  test("ends with its caller, and so does what feeds it", async () => {
    let isFed = false;
    const { client, calls } = await start({
      async *watchRevocations(_request, ctx) {
        isFed = true;
        try {
          yield* silence(ctx);
        } finally {
          isFed = false;
        }
      },
    });
    const stream = client().watchRevocations({ afterRevision: 0n }, asService);
    stream.on("error", () => {});
    await once(stream, "data");
    expect(isFed).toBe(true);
    stream.cancel();
    await waitUntil("the source is closed", () => !isFed);
    await waitUntil("the call is counted", () => calls.length > 0);
    expect(calls).toMatchObject([{ code: 1 }]);
  });

  test("goes no faster than its caller reads (D5)", async () => {
    let sent = 0;
    const big = WatchRevocationsResponse.create({
      event: { $case: "revocation", value: { sessionId: "x".repeat(100_000) } },
    });
    const { client } = await start({
      async *watchRevocations() {
        for (; sent < 1000; sent += 1) yield big;
      },
    });
    const stream = client().watchRevocations({ afterRevision: 0n }, asService);
    let received = 0;
    let mostAhead = 0;
    for await (const _ of stream) {
      received += 1;
      mostAhead = Math.max(mostAhead, sent - received);
    }
    expect(received).toBe(1000);
    expect(mostAhead).toBeLessThan(200);
  });

  test("ends soon after the session or key it was opened with", async () => {
    let isRevoked = false;
    const { client, calls } = await start(
      { watchRevocations: (_request, ctx) => silence(ctx) },
      {
        limits: { recheckMs: 5 },
        judge: {
          ...judge,
          authenticateServiceKey: (key) =>
            isRevoked ? undefined : judge.authenticateServiceKey(key),
        },
      },
    );
    const stream = client().watchRevocations({ afterRevision: 0n }, asService);
    await once(stream, "data");
    const failed = once(stream, "error");
    isRevoked = true;
    const [error] = await failed;
    expect(failureOf(error)).toMatchObject({ code: 16, reason: "ACCESS_TOKEN_INVALID" });
    expect(calls).toMatchObject([{ code: 16, reason: "ACCESS_TOKEN_INVALID" }]);
  });

  test("is cut off, and its source closed, when its caller stops reading (D5)", async () => {
    let isFed = false;
    const big = WatchRevocationsResponse.create({
      event: { $case: "revocation", value: { sessionId: "x".repeat(100_000) } },
    });
    const flood = async function* () {
      isFed = true;
      try {
        for (;;) yield big;
      } finally {
        isFed = false;
      }
    };
    const { path } = AuthServiceService.watchRevocations;
    const service = stubService({}, stubRules);
    const watchRevocations = serverStream(stubRules.of(path), flood, 20);
    const stalling = {
      ...service,
      implementation: { ...service.implementation, watchRevocations },
    };
    const { client, calls } = await start({}, { services: [stalling] });
    const stream = client().watchRevocations({ afterRevision: 0n }, asService);
    stream.on("error", () => {});
    await waitUntil("the caller has stopped reading for too long", () => calls.length > 0);
    expect(calls).toMatchObject([{ code: 8, reason: "WATCH_FELL_BEHIND" }]);
    await waitUntil("the source is closed", () => !isFed);
    stream.cancel();
  });

  test.each(["DEPENDENCY_UNAVAILABLE", "OVERLOADED"] as const)(
    "outlives %s of what its credential is judged by",
    async (reason) => {
      let rechecks = 0;
      const { client, calls } = await start(
        { watchRevocations: (_request, ctx) => silence(ctx) },
        {
          limits: { recheckMs: 5 },
          judge: {
            ...judge,
            authenticateServiceKey: async (key) => {
              rechecks += 1;
              if (rechecks > 1) throw fail(reason);
              return judge.authenticateServiceKey(key);
            },
          },
        },
      );
      const stream = client().watchRevocations({ afterRevision: 0n }, asService);
      stream.on("error", () => {});
      await once(stream, "data");
      await waitUntil("it was looked at again and again", () => rechecks > 3);
      expect(calls).toEqual([]);
      stream.cancel();
    },
  );
});

describe("an exchange", () => {
  const ask = (requestId: string, accessToken = "t") =>
    StreamValidateTokensRequest.create({ requestId, accessToken });
  const answer = ({ requestId }: StreamValidateTokensRequest) =>
    StreamValidateTokensResponse.create({
      requestId,
      result: { $case: "token", value: ValidateTokenResponse.create() },
    });
  const refuse: AuthHandlers["streamValidateTokens"]["refuse"] = ({ requestId }, failure, ctx) => ({
    requestId,
    result: { $case: "error", value: ctx.rpcStatus(failure) },
  });

  test("answers every question, in any order, and ends when there are no more", async () => {
    let first: (() => void) | undefined;
    const { client, calls } = await start({
      streamValidateTokens: {
        refuse,
        answer: (request) =>
          request.requestId === "1"
            ? new Promise((resolve) => {
                first = () => resolve(answer(request));
              })
            : answer(request),
      },
    });
    const stream = client().streamValidateTokens(asService);
    const ids: string[] = [];
    stream.on("data", ({ requestId }: StreamValidateTokensResponse) => {
      ids.push(requestId);
      if (requestId === "3") first?.();
    });
    for (const id of ["1", "2", "3"]) stream.write(ask(id));
    stream.end();
    await once(stream, "end");
    expect(ids).toEqual(["2", "3", "1"]);
    expect(calls).toMatchObject([{ code: 0 }]);
  });

  test("fails single questions, not the stream", async () => {
    const { client, defects } = await start({
      streamValidateTokens: {
        refuse,
        answer: async (request) => {
          if (request.accessToken === "bad") throw fail("SESSION_EXPIRED");
          if (request.accessToken === "bug") throw new TypeError("bug");
          return answer(request);
        },
      },
    });
    const stream = client().streamValidateTokens(asService);
    const results = new Map<string, unknown>();
    stream.on("data", ({ requestId, result }: StreamValidateTokensResponse) =>
      results.set(requestId, result?.$case === "error" ? result.value.code : "good"),
    );
    stream.write(ask("1", "bad"));
    stream.write(ask("2", ""));
    stream.write(ask("3", "bug"));
    stream.write(ask("4"));
    stream.end();
    await once(stream, "end");
    expect(Object.fromEntries(results)).toEqual({ 1: 16, 2: 3, 3: 13, 4: "good" });
    expect(defects).toMatchObject([{ message: "bug" }, { message: "bug" }]);
  });

  test("works on no more questions at once than it may (D5)", async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    const { client } = await start({
      streamValidateTokens: {
        refuse,
        mostInFlight: 3,
        answer: (request) =>
          new Promise((resolve) => {
            waiting.push(() => resolve(answer(request)));
            most = Math.max(most, waiting.length);
          }),
      },
    });
    const stream = client().streamValidateTokens(asService);
    let answers = 0;
    stream.on("data", () => {
      answers += 1;
    });
    for (let id = 0; id < 20; id += 1) stream.write(ask(String(id)));
    stream.end();
    await waitUntil("it is busy", () => waiting.length === 3);
    while (answers < 20) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await once(stream, "end");
    expect(most).toBe(3);
  });

  test("reads no further than its answers are read, and cuts off who never reads (D5)", async () => {
    let asked = 0;
    const { path } = AuthServiceService.streamValidateTokens;
    const service = stubService({}, stubRules);
    const streamValidateTokens = exchange<StreamValidateTokensRequest, unknown>(
      stubRules.of(path),
      {
        refuse,
        answer: ({ requestId }) => {
          asked += 1;
          return StreamValidateTokensResponse.create({ requestId: requestId.padEnd(100_000, ".") });
        },
      },
      20,
    );
    const stalling = {
      ...service,
      implementation: { ...service.implementation, streamValidateTokens },
    };
    const { client, calls } = await start({}, { services: [stalling] });
    const stream = client().streamValidateTokens(asService);
    stream.on("error", () => {});
    for (let id = 0; id < 2000; id += 1) stream.write(ask(String(id)));
    await waitUntil("the caller has not read for too long", () => calls.length > 0);
    expect(calls).toMatchObject([{ code: 8, reason: "TOO_MANY_ATTEMPTS" }]);
    // Those that may be open, and what fits into the windows of stream and connection.
    expect(asked).toBeLessThan(400);
    stream.cancel();
  });

  test("goes on when a slow caller reads at last", async () => {
    const { client, calls } = await start({
      streamValidateTokens: {
        refuse,
        answer: ({ requestId }) => answer(ask(requestId.padEnd(20_000, "."))),
      },
    });
    const stream = client().streamValidateTokens(asService);
    for (let id = 0; id < 1000; id += 1) stream.write(ask(String(id)));
    stream.end();
    let answers = 0;
    for await (const _ of stream) {
      answers += 1;
      if (answers % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answers).toBe(1000);
    expect(calls).toMatchObject([{ code: 0 }]);
  });

  test("ends as INTERNAL when even refusing fails, and on what is no message", async () => {
    const { client, calls } = await start({
      streamValidateTokens: {
        refuse: () => {
          throw new Error("bug in refuse");
        },
        answer: () => {
          throw fail("NOT_FOUND");
        },
      },
    });
    const stream = client().streamValidateTokens(asService);
    const failed = once(stream, "error");
    stream.write(ask("1"));
    expect(await failed).toMatchObject([{ code: 13, details: "Internal error" }]);
    expect(calls).toMatchObject([{ code: 13 }]);
  });
});
