import { once } from "node:events";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { Client } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import {
  ValidateTokenResponse,
  WatchRevocationsResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import {
  asService,
  call,
  metadataOf,
  refusalOf,
  type StubServer,
  startStubServer,
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

const SERVING = 1;
const NOT_SERVING = 2;
const question = { accessToken: "token", audience: "", skipActivity: false };
const stopNow = { delayMs: 0, graceMs: 5000, flush: async () => {} };

/** `grpc.health.v1.HealthCheckRequest`: field 1, the service. */
const healthRequest = (service: string) =>
  Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
const healthStatus = (bytes: Buffer) => bytes[1];

const checkHealth = (client: Client, service: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      healthRequest,
      healthStatus,
      service,
      (error, status) => (error ? reject(error) : resolve(status)),
    );
  });

const watchHealth = (client: Client) =>
  client.makeServerStreamRequest("/grpc.health.v1.Health/Watch", healthRequest, healthStatus, "");

describe("health", () => {
  test("is told per service and overall, and follows what the services can do", async () => {
    let serving = true;
    const { client, server } = await start({}, { isServing: () => serving });
    const auth = client();
    const watch = watchHealth(auth);
    watch.on("error", () => {});
    expect(await once(watch, "data")).toEqual([SERVING]);
    expect(await checkHealth(auth, "curfew.v1.AuthService")).toBe(SERVING);
    serving = false;
    server.refreshHealth();
    expect(await once(watch, "data")).toEqual([NOT_SERVING]);
    expect(await checkHealth(auth, "curfew.v1.AuthService")).toBe(NOT_SERVING);
    expect(await checkHealth(auth, "")).toBe(NOT_SERVING);
    watch.cancel();
  });

  test("is NOT_FOUND, with details, for a service nobody serves", async () => {
    const { client, calls } = await start();
    expect(await refusalOf(checkHealth(client(), "nope"))).toMatchObject({
      code: 5,
      reason: "NOT_FOUND",
    });
    expect(calls).toMatchObject([{ method: "/grpc.health.v1.Health/Check", code: 5 }]);
  });
});

describe("reflection", () => {
  /** `ServerReflectionRequest` with one text field, and the raw answer. */
  const ask = (client: Client, version: string, field: number, text: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const stream = client.makeBidiStreamRequest(
        `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        (request: Buffer) => request,
        (bytes) => bytes,
      );
      stream.on("error", reject);
      stream.on("data", resolve);
      stream.write(
        Buffer.concat([Buffer.from([(field << 3) | 2, text.length]), Buffer.from(text)]),
      );
      stream.end();
    });

  test.each(["v1", "v1alpha"])(
    "%s lists the services and gives the files with their comments",
    async (version) => {
      const { client } = await start();
      const auth = client();
      const services = (await ask(auth, version, 7, "*")).toString("latin1");
      for (const name of ["AuthService", "SessionAdmin", "UserAdmin"]) {
        expect(services).toContain(`curfew.v1.${name}`);
      }
      expect(services).toContain("grpc.health.v1.Health");
      const file = (await ask(auth, version, 4, "curfew.v1.AuthService")).toString("latin1");
      expect(file).toContain("curfew/v1/auth_service.proto");
      expect(file).toContain("google/protobuf/timestamp.proto");
      expect(file).toContain("Signs people in");
      const health = (await ask(auth, version, 4, "grpc.health.v1.Health")).toString("latin1");
      // As protoc names the entries of a map: clients refuse the file else.
      expect(health).toContain("StatusesEntry");
    },
  );

  test("is not there when it is off", async () => {
    const { client } = await start({}, { reflect: undefined });
    expect(await refusalOf(ask(client(), "v1", 7, "*"))).toMatchObject({
      code: 12,
      reason: "UNIMPLEMENTED",
    });
  });
});

describe("the limits (D5)", () => {
  test("bound the streams of a connection", async () => {
    const { port } = await start({}, { limits: { streamsPerConnection: 7, metadataBytes: 9999 } });
    const session = connect(`http://127.0.0.1:${port}`);
    const [settings] = await once(session, "remoteSettings");
    expect(settings).toMatchObject({ maxConcurrentStreams: 7, maxHeaderListSize: 9999 });
    session.close();
    await once(session, "close");
  });

  test("bound the metadata of a call", async () => {
    const { client } = await start({}, { limits: { metadataBytes: 4096 } });
    const auth = client();
    const withHeader = (bytes: number) => metadataOf({ "x-big": "x".repeat(bytes) });
    expect(await call(auth, "getJwks", {}, withHeader(2000))).toEqual({ keys: [] });
    await expect(call(auth, "getJwks", {}, withHeader(5000))).rejects.toThrow();
    expect(await call(auth, "getJwks", {})).toEqual({ keys: [] });
  });

  test("bound the connections", async () => {
    const { port } = await start({}, { limits: { connections: 1 } });
    const first = connectSocket(port, "127.0.0.1");
    await once(first, "connect");
    const second = connectSocket(port, "127.0.0.1");
    second.on("error", () => {});
    await once(second, "close");
    expect(first.destroyed).toBe(false);
    first.destroy();
  });

  test("O1: bound the calls at once, and refuse the excess as an overload, which is no outage", async () => {
    const release: (() => void)[] = [];
    const { client } = await start(
      { getJwks: () => new Promise((resolve) => release.push(() => resolve({ keys: [] }))) },
      { limits: { calls: 2 } },
    );
    const auth = client();
    const first = [call(auth, "getJwks", {}), call(auth, "getJwks", {})];
    await waitUntil("two calls are in work", () => release.length === 2);
    expect(await refusalOf(call(auth, "getJwks", {}))).toMatchObject({
      code: 8,
      reason: "OVERLOADED",
      facts: { refused_by: "budget", limit: "calls" },
      retry: { retryDelay: { seconds: 1n, nanos: 0 } },
    });
    for (const go of release) go();
    expect(await Promise.all(first)).toHaveLength(2);
    const again = call(auth, "getJwks", {});
    await waitUntil("it is in work", () => release.length === 3);
    release[2]?.();
    expect(await again).toEqual({ keys: [] });
  });
});

describe("where a call comes from", () => {
  const seen = async (trustedProxies: string[], headers: Record<string, string>) => {
    const { client, calls } = await start({}, { trustedProxies });
    await call(client(), "getJwks", {}, metadataOf(headers));
    const { ip, userAgent, requestId } = calls[0]?.ctx ?? {};
    return { ip, userAgent, requestId };
  };
  const headers = {
    "x-forwarded-for": "203.0.113.9, 198.51.100.1",
    "x-forwarded-user-agent": "Firefox",
    "x-request-id": "a b\nc".replace("\n", "_"),
  };

  test("is told by proxies that are trusted", async () => {
    expect(await seen(["127.0.0.0/8"], headers)).toMatchObject({
      ip: "198.51.100.1",
      userAgent: "Firefox",
    });
    await stub?.close();
    expect(await seen(["127.0.0.0/8", "198.51.100.1"], headers)).toMatchObject({
      ip: "203.0.113.9",
    });
  });

  test("is the connection's other end otherwise (D1)", async () => {
    const { ip, userAgent, requestId } = await seen([], headers);
    expect(ip).toBe("127.0.0.1");
    expect(userAgent).toContain("grpc-node-js");
    expect(requestId).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  });
});

describe("stopping", () => {
  test("lets calls in flight end, ends streams, flushes last, and takes no new calls", async () => {
    const order: string[] = [];
    let release: (() => void) | undefined;
    const { client, server, calls } = await start({
      validateToken: async () => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        order.push("answered");
        return ValidateTokenResponse.create();
      },
      async *watchRevocations(_request, ctx) {
        yield WatchRevocationsResponse.create();
        await once(ctx.signal, "abort");
        order.push("stream ended");
      },
    });
    const auth = client();
    const inFlight = call(auth, "validateToken", question, asService);
    const watch = auth.watchRevocations({ afterRevision: 0n }, asService);
    const health = watchHealth(auth);
    const ended = [once(watch, "error"), once(health, "error")];
    await Promise.all([once(watch, "data"), once(health, "data")]);
    await waitUntil("the call is in work", () => release !== undefined);
    const healthSaid = once(health, "data");

    const stopped = server.stop({ ...stopNow, flush: async () => void order.push("flushed") });
    expect(await healthSaid).toEqual([NOT_SERVING]);
    expect(await Promise.all(ended)).toMatchObject([[{ code: 14 }], [{ code: 14 }]]);
    release?.();
    expect(await inFlight).toMatchObject({ userId: "" });
    await stopped;
    expect(order).toEqual(["stream ended", "answered", "flushed"]);
    expect(calls.map(({ code }) => code).sort()).toEqual([0, 14, 14]);
    expect(await refusalOf(call(auth, "getJwks", {}))).toMatchObject({ code: 14 });
  });

  test("cuts off calls that do not end in time", async () => {
    const { client, server } = await start({ validateToken: () => new Promise(() => {}) });
    const auth = client();
    const stuck = refusalOf(call(auth, "validateToken", question, asService));
    await waitUntil("the server is reached", async () => (await checkHealth(auth, "")) === SERVING);
    let isFlushed = false;
    await server.stop({
      delayMs: 1,
      graceMs: 10,
      flush: async () => {
        isFlushed = true;
      },
    });
    expect([1, 14]).toContain((await stuck).code);
    expect(isFlushed).toBe(true);
  });

  test("happens once, however often it is asked for", async () => {
    const { server } = await start();
    let flushes = 0;
    const how = {
      ...stopNow,
      flush: async () => {
        flushes += 1;
      },
    };
    await Promise.all([server.stop(how), server.stop(how)]);
    expect(flushes).toBe(1);
  });
});

describe("listening", () => {
  test("fails with a clear error where somebody else does", async () => {
    const { port } = await start();
    const other = await startStubServer();
    await expect(other.server.listen(`127.0.0.1:${port}`)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}`,
    );
    await other.close();
  });
});
