import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type BareAnswer, bareCall } from "../doors/bare_call.js";
import { callHeaders, FLAG, FRAME, frame, grpcMessage, openRaw } from "../doors/raw_http2.js";
import {
  asService,
  asUser,
  call,
  metadataOf,
  refusalOf,
  type StubServer,
  startStubServer,
  stubRules,
} from "./stub_server.js";

const WATCH = "/grpc.health.v1.Health/Watch";
const LOGIN = "/curfew.v1.AuthService/Login";
const question = { accessToken: "token", audience: "", skipActivity: false };

let stub: StubServer | undefined;
/** Held calls may take their time: the machine may be busy. */
const patient: typeof stubRules = {
  ...stubRules,
  of: (path) => ({ ...stubRules.of(path), deadlineMs: stubRules.of(path).deadlineMs && 60_000 }),
};
const start = async (
  handlers: Parameters<typeof startStubServer>[0],
  options: Parameters<typeof startStubServer>[1],
) => {
  stub = await startStubServer(handlers, { rules: patient, ...options });
  return stub;
};
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

/** Handlers that hold their calls until they are let go. */
const holding = () => {
  const held: (() => void)[] = [];
  const hold = <T>(answer: T) => new Promise<T>((resolve) => held.push(() => resolve(answer)));
  return {
    held,
    handlers: {
      getJwks: () => hold({ keys: [] }),
      validateToken: () => hold(ValidateTokenResponse.create({ userId: "u" })),
      getProfile: () => hold({ user: undefined }),
    },
    release: () => {
      for (const go of held.splice(0)) go();
    },
  };
};

const budget = (limit: string) => ({ refused_by: "budget", limit });

describe("D8 open calls", () => {
  test("of one source without credentials are bounded; callers with credentials keep theirs", async () => {
    const { held, handlers, release } = holding();
    const { client } = await start(handlers, { limits: { publicCallsPerSource: 2 } });
    const auth = client();
    const open = [call(auth, "getJwks", {}), call(auth, "getJwks", {})];
    await waitUntil("both are in work", () => held.length === 2);
    expect(await refusalOf(call(auth, "getJwks", {}))).toMatchObject({
      code: 8,
      reason: "TOO_MANY_ATTEMPTS",
      facts: budget("public_calls_per_source"),
      retry: { retryDelay: { seconds: 1n } },
    });
    const served = call(auth, "validateToken", question, asService);
    await waitUntil("the service is served", () => held.length === 3);
    release();
    expect(await served).toMatchObject({ userId: "u" });
    await Promise.all(open);
    const again = call(auth, "getJwks", {});
    await waitUntil("there is room again", () => held.length === 1);
    release();
    await again;
  });

  test("of all sources without credentials are bounded: the excess is OVERLOADED", async () => {
    const { held, handlers, release } = holding();
    const { client } = await start(handlers, { limits: { publicCalls: 1 } });
    const auth = client();
    const open = call(auth, "getJwks", {});
    await waitUntil("it is in work", () => held.length === 1);
    expect(await refusalOf(call(auth, "getJwks", {}))).toMatchObject({
      reason: "OVERLOADED",
      facts: budget("public_calls"),
    });
    release();
    await open;
  });

  test("count for the forwarded source behind a trusted proxy, IPv6 by /64 (D9)", async () => {
    const { held, handlers, release } = holding();
    const { client } = await start(handlers, {
      limits: { publicCallsPerSource: 1 },
      trustedProxies: ["127.0.0.1"],
    });
    const auth = client();
    const from = (address: string) =>
      call(auth, "getJwks", {}, metadataOf({ "x-forwarded-for": address }));
    const open = [from("2001:db8::1"), from("2001:db8:0:1::1")];
    await waitUntil("both are in work", () => held.length === 2);
    expect(await refusalOf(from("2001:db8::2"))).toMatchObject({ reason: "TOO_MANY_ATTEMPTS" });
    release();
    await Promise.all(open);
  });

  test("of one user are bounded, and leave those of services alone", async () => {
    const { held, handlers, release } = holding();
    const { client } = await start(handlers, { limits: { sessionCallsPerUser: 1 } });
    const auth = client();
    const open = [call(auth, "getProfile", {}, asUser)];
    await waitUntil("it is in work", () => held.length === 1);
    expect(await refusalOf(call(auth, "getProfile", {}, asUser))).toMatchObject({
      facts: budget("session_calls_per_source"),
    });
    const served = call(auth, "validateToken", question, asService);
    await waitUntil("the service is served", () => held.length === 2);
    release();
    await Promise.all([...open, served]);
  });

  test("whose credential is being judged are bounded", async () => {
    const judged: (() => void)[] = [];
    const { client } = await start(
      {},
      {
        limits: { pendingCallsPerSource: 1 },
        judge: {
          serviceAuth: "key",
          authenticateSession: () => {
            throw new Error("not asked");
          },
          authenticateServiceKey: () =>
            new Promise((resolve) => judged.push(() => resolve(undefined))),
        },
      },
    );
    const auth = client();
    const open = refusalOf(call(auth, "validateToken", question, asService));
    await waitUntil("it is being judged", () => judged.length === 1);
    expect(await refusalOf(call(auth, "validateToken", question, asService))).toMatchObject({
      facts: budget("pending_calls_per_source"),
    });
    judged[0]?.();
    expect(await open).toMatchObject({ reason: "ACCESS_TOKEN_INVALID" });
  });
});

describe("D8 streams that anybody may open", () => {
  const watch = (client: ReturnType<StubServer["client"]>, deadlineMs = 30_000) =>
    bareCall(client, { path: WATCH, messages: [Buffer.alloc(0)], deadlineMs });

  test("are bounded for a source; other calls are not refused with them", async () => {
    const { client, calls } = await start({}, { limits: { publicStreamsPerSource: 3 } });
    const auth = client();
    const answers: BareAnswer[] = [];
    for (let index = 0; index < 5; index += 1)
      void watch(auth).then((answer) => answers.push(answer));
    await waitUntil("two are refused", () => answers.length === 2);
    expect(answers.map(({ reason }) => reason)).toEqual(["TOO_MANY_ATTEMPTS", "TOO_MANY_ATTEMPTS"]);
    expect(calls[0]?.ctx.failure?.metadata).toEqual(budget("public_streams_per_source"));
    expect((await call(auth, "getJwks", {})).keys).toEqual([]);
  });

  test("end after a time", async () => {
    const { client } = await start({}, { limits: { publicStreamMs: 30 } });
    const answer = await watch(client());
    expect(answer).toMatchObject({ code: 4, reason: "DEADLINE_EXCEEDED" });
    expect(answer.messages).toHaveLength(1);
  });
});

describe("D8 connections of strangers", () => {
  const silent = (port: number) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    // Else the end of the connection is not noticed.
    socket.resume();
    return { socket, closed: once(socket, "close") };
  };

  test("that say nothing are cut off", async () => {
    const refusals: string[] = [];
    const { port } = await start(
      {},
      {
        limits: { handshakeMs: 1 },
        onRefused: (by, limit) => refusals.push(`${by} ${limit}`),
      },
    );
    await silent(port).closed;
    expect(refusals).toEqual(["budget handshake_time"]);
  });

  test("that open HTTP/2 and never acknowledge its settings are cut off", async () => {
    const { port } = await start({}, { limits: { handshakeMs: 1 } });
    const raw = await openRaw(port);
    await waitUntil("it is cut off", () => raw.closed);
  });

  test("that no call uses are closed", async () => {
    const { client } = await start({}, { limits: { anonymousIdleMs: 200 } });
    const auth = client();
    await call(auth, "getJwks", {});
    const states = () => auth.getChannel().getConnectivityState(false);
    // 0 is IDLE: the server has closed the connection in good order.
    await waitUntil("it is closed", () => states() === 0);
    expect((await call(auth, "getJwks", {})).keys).toEqual([]);
  });

  test("make room for newcomers, silent ones first; those with credentials are never cut off", async () => {
    const { port, client } = await start({}, { limits: { anonymousConnectionsPerSource: 3 } });
    const service = client();
    await call(service, "validateToken", question, asService);
    const stranger = client();
    await call(stranger, "getJwks", {});
    const crowd = Array.from({ length: 20 }, () => silent(port));
    await Promise.all(crowd.slice(0, 17).map(({ closed }) => closed));
    // Both still have the connection they had: a new one would be another address.
    expect(await call(stranger, "getJwks", {})).toEqual({ keys: [] });
    expect(await call(service, "validateToken", question, asService)).toBeDefined();
    const addresses = (method: string) =>
      new Set(
        stub?.calls
          .filter((seen) => seen.method.endsWith(method))
          .map(({ ctx }) => ctx.connection.address.remotePort),
      );
    expect(addresses("ValidateToken").size).toBe(1);
    expect(addresses("GetJwks").size).toBe(1);
    for (const { socket } of crowd) socket.destroy();
  });

  test("a newcomer with a credential is served however many strangers there are", async () => {
    const { port, client } = await start({}, { limits: { anonymousConnections: 5 } });
    const crowd = Array.from({ length: 30 }, () => silent(port));
    await Promise.all(crowd.slice(0, 25).map(({ closed }) => closed));
    expect(await call(client(), "validateToken", question, asService)).toBeDefined();
    for (const { socket } of crowd) socket.destroy();
  });
});

describe("D8 memory of requests", () => {
  /** Opens calls of Login whose message is not complete, or whose stream is never ended. */
  const pour = async (port: number, count: number, body: Buffer) => {
    const raw = await openRaw(port);
    for (let index = 0; index < count; index += 1)
      await raw.write(
        Buffer.concat([
          frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * index + 1, callHeaders(LOGIN)),
          frame(FRAME.DATA, FLAG.NONE, 2 * index + 1, body),
        ]),
      );
    return raw;
  };

  test("of one connection without credentials is bounded, also by what is announced", async () => {
    const { port, calls } = await start(
      {},
      { limits: { anonymousRequestBytesPerConnection: 10_000 } },
    );
    const head = grpcMessage(Buffer.alloc(4000)).subarray(0, 100);
    const raw = await pour(port, 5, head);
    await waitUntil("the excess is refused", () => calls.length === 3);
    for (const { reason, ctx } of calls) {
      expect(reason).toBe("TOO_MANY_ATTEMPTS");
      expect(ctx.failure?.metadata).toEqual(budget("request_bytes_per_connection"));
    }
    await raw.close();
    await waitUntil("the others are over", () => calls.length === 5);
    // All of it is given back.
    const again = await pour(port, 2, head);
    await again.write(frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8)));
    expect((await call(stub?.client() as never, "getJwks", {})).keys).toEqual([]);
    expect(calls.filter(({ reason }) => reason === "TOO_MANY_ATTEMPTS")).toHaveLength(3);
    await again.close();
  });

  test("large requests of services wait for their turn, by connections", async () => {
    const held: (() => void)[] = [];
    const order: string[] = [];
    const { client } = await start(
      {
        validateTokens: {
          batch: ({ requests }) =>
            new Promise((resolve) => {
              order.push(requests[0]?.audience ?? "");
              held.push(() => resolve({ results: [] }));
            }),
        },
      },
      { limits: { largeRequests: 1 } },
    );
    const batch = (from: string) => ({
      requests: new Array(1000).fill({ ...question, accessToken: "t".repeat(60), audience: from }),
    });
    // Two clients with the same options would share one connection.
    const [many, few] = [client(), client(undefined, "localhost")];
    await call(few, "validateToken", question, asService);
    const calls = Array.from({ length: 4 }, () =>
      call(many, "validateTokens", batch("many"), asService),
    );
    await waitUntil("the first is in work", () => held.length === 1);
    const last = call(few, "validateTokens", batch("few"), asService);
    for (let done = 0; done < 5; done += 1) {
      await waitUntil("the next is in work", () => held.length === done + 1);
      if (done === 0) await call(few, "validateToken", question, asService);
      held[done]?.();
    }
    await Promise.all([...calls, last]);
    expect(order.indexOf("few")).toBeLessThan(4);
    expect(order).toHaveLength(5);
  });

  test("a request that waits for its turn ends with its deadline, and gives the turn up", async () => {
    const held: (() => void)[] = [];
    const { client } = await start(
      {
        validateTokens: {
          batch: () => new Promise((resolve) => held.push(() => resolve({ results: [] }))),
        },
      },
      { limits: { largeRequests: 1 } },
    );
    const requests = new Array(1000).fill({ ...question, accessToken: "t".repeat(60) });
    const auth = client();
    const first = call(auth, "validateTokens", { requests }, asService);
    await waitUntil("the first is in work", () => held.length === 1);
    const late = new Promise((resolve) => {
      auth.validateTokens({ requests }, asService, { deadline: Date.now() + 50 }, (error) =>
        resolve(error?.code),
      );
    });
    expect(await late).toBe(4);
    let isAnswered = false;
    const next = call(auth, "validateTokens", { requests }, asService).then(() => {
      isAnswered = true;
    });
    await waitUntil("the next has had its turn", () => {
      for (const go of held.splice(0)) go();
      return isAnswered;
    });
    await Promise.all([first, next]);
  });
});
