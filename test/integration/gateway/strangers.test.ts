import { request as httpRequest } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { waitUntil } from "../../support/wait_until.js";
import { type Fixture, startFixture } from "./fixture.js";
import { rpcFailure } from "./rpc_failure.js";

const BATCH = "/auth/validate:batch";
const LOGIN = "/auth/login";
const JSON_TYPE = { "content-type": "application/json" };
/** PUBLIC of curfew.options.v1.Access. */
const PUBLIC_ALONE = new Set([1]);

const fixtures: Fixture[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => Promise.all(fixtures.map((fixture) => fixture.stop())));

const start = async (options: Parameters<typeof startFixture>[0]) => {
  const refused: string[] = [];
  const fixture = await startFixture({
    ...options,
    onRefused: (by, limit) => refused.push(`${by} ${limit}`),
  });
  fixtures.push(fixture);
  await fixture.gateway.listen({ host: "127.0.0.1", port: 0 });
  const { port } = fixture.gateway.server.address() as AddressInfo;
  return { fixture, port, refused };
};

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly problem: { code?: string; metadata?: Record<string, string> };
}

/** Sends the beginning of a request, and resolves to the answer although the rest never comes. */
const begin = (
  port: number,
  path: string,
  headers: Record<string, string>,
  pieces: readonly (string | Buffer)[],
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(
      { port, host: "127.0.0.1", agent: false, method: "POST", path, headers },
      (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("end", () => {
          sent.destroy();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            problem: JSON.parse(body),
          });
        });
      },
    );
    sent.on("error", reject);
    for (const piece of pieces) sent.write(piece);
  });

const open = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
};

describe("D8: the body of a caller without a good credential", () => {
  let stage: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    stage = await start({ openAccess: PUBLIC_ALONE });
  });

  test("is not read where the call needs a credential and has none", async () => {
    const headers = { ...JSON_TYPE, "content-length": String(5 * 1024 * 1024) };
    stage.fixture.stub.reset();
    stage.fixture.stub.answer("ValidateTokens", () => {
      throw rpcFailure("CREDENTIALS_MISSING");
    });
    const answer = await begin(stage.port, BATCH, headers, ["{"]);
    expect(answer.status).toBe(401);
    expect(answer.problem.code).toBe("credentials_missing");
    expect(answer.headers.connection).toBe("close");
    expect(stage.refused).toEqual(["bound body_without_credential"]);
    // D7: the service, which was asked without the body, records the call under its source.
    expect(stage.fixture.stub.calls).toHaveLength(1);
    const { metadata } = stage.fixture.stub.last();
    expect(metadata.get("authorization")).toEqual([]);
    expect(metadata.get("x-forwarded-for")).toEqual(["127.0.0.1"]);
    stage.fixture.stub.reset();
  });

  test.each([
    ["announced", { "content-length": String(5 * 1024 * 1024) }, ["{"]],
    ["chunked", { "transfer-encoding": "chunked" }, [Buffer.alloc(70_000, " ")]],
  ])("is not read to its end where the credential is bad: %s", async (_, how, pieces) => {
    stage.fixture.stub.reset();
    stage.fixture.stub.answer("ValidateTokens", () => {
      throw rpcFailure("ACCESS_TOKEN_INVALID");
    });
    const headers = { ...JSON_TYPE, ...how, authorization: "Bearer forged" };
    const answer = await begin(stage.port, BATCH, headers, pieces);
    expect(answer.status).toBe(401);
    expect(answer.headers.connection).toBe("close");
    // The one call was without the body.
    expect(stage.fixture.stub.calls).toHaveLength(1);
    const { metadata } = stage.fixture.stub.last();
    expect(metadata.get("authorization")).toEqual(["Bearer forged"]);
    expect(metadata.get("x-forwarded-for")).toEqual(["127.0.0.1"]);
    stage.fixture.stub.reset();
  });
});

describe("D8: elements are counted before anything is made of them", () => {
  let stage: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    stage = await start({});
  });

  test.each([
    ["empty messages", `{"requests":[${Array(100_000).fill("{}").join(",")}]}`, "body_elements"],
    ["members", `{${Array(10_000).fill('"a":1').join(",")}}`, "body_elements"],
    ["levels", `{"requests":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, "body_depth"],
  ])("too many %s", async (_, body, limit) => {
    const answer = await stage.fixture.post(BATCH, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: "invalid_argument",
      metadata: { refused_by: "bound", limit },
    });
    expect(stage.fixture.stub.calls).toEqual([]);
    expect(stage.refused).toContain(`bound ${limit}`);
  });

  test("commas and braces inside of strings are none", async () => {
    const access_token = '{[,"\\'.repeat(1000);
    const answer = await stage.fixture.post(BATCH, { requests: [{ access_token }] });
    expect(answer.statusCode, answer.body).toBe(200);
  });
});

test("D8: a method takes no more bytes than its request can have", async () => {
  const { fixture, refused } = await start({ requestBytes: () => 2000 });
  const answer = await fixture.post(LOGIN, { username: "x".repeat(6100) });
  expect(answer.statusCode).toBe(413);
  expect(refused).toEqual(["bound body_bytes"]);
});

describe("D8: the memory of bodies", () => {
  const slow = (port: number, headers: Record<string, string> = {}): void => {
    const sent = httpRequest({
      port,
      host: "127.0.0.1",
      agent: false,
      method: "POST",
      path: LOGIN,
      headers: { ...JSON_TYPE, "content-length": "60000", ...headers },
    });
    sent.on("error", () => undefined);
    sent.write(" ".repeat(40_000));
    sent.on("socket", (socket) => sockets.push(socket));
    // Refused while another one was read: comes again.
    sent.on("response", () => slow(port, headers));
  };

  test("of one source is bounded: 429, and other sources have theirs", async () => {
    const { fixture, port, refused } = await start({
      trustedProxies: ["127.0.0.1"],
      limits: { anonymousBodyBytesPerSource: 100_000 },
    });
    slow(port, { "x-forwarded-for": "2001:db8:1:2::1" });
    slow(port, { "x-forwarded-for": "2001:db8:1:2::2" });
    const login = (from: string) =>
      fixture.post(LOGIN, { username: "x".repeat(30_000) }, { "x-forwarded-for": from });
    await waitUntil("the share of the network is used up", async () => {
      const answer = await login("2001:db8:1:2::3");
      if (answer.statusCode !== 429) return false;
      expect(answer.json().code).toBe("too_many_attempts");
      expect(answer.headers["retry-after"]).toBe("1");
      return true;
    });
    expect((await login("203.0.113.1")).statusCode).toBe(200);
    expect(refused).toContain("budget body_bytes_per_source");
    for (const socket of sockets.splice(0)) socket.destroy();
    await waitUntil("what is over is given back", async () => {
      return (await login("2001:db8:1:2::3")).statusCode === 200;
    });
  });

  test("of all strangers is bounded: 503 with a time to retry", async () => {
    const { fixture, port } = await start({ limits: { anonymousBodyBytes: 50_000 } });
    slow(port);
    await waitUntil("the share of strangers is used up", async () => {
      const answer = await fixture.post(LOGIN, { username: "x".repeat(30_000) });
      if (answer.statusCode !== 503) return false;
      expect(answer.json()).toMatchObject({
        code: "overloaded",
        metadata: { refused_by: "budget", limit: "anonymous_body_bytes" },
      });
      expect(answer.headers["retry-after"]).toBe("1");
      return true;
    });
  });
});

describe("D8: connections", () => {
  const get = async (socket: Socket, path: string, headers = ""): Promise<string> => {
    const answered = new Promise<string>((resolve) =>
      socket.once("data", (data) => resolve(String(data).slice(9, 12))),
    );
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);
    return answered;
  };

  test("silent ones keep nobody out, and do not cut off who has a credential", async () => {
    const { fixture, port, refused } = await start({ limits: { anonymousConnections: 10 } });
    fixture.stub.reset();
    const known = await open(port);
    expect(await get(known, "/auth/profile", "authorization: Bearer t\r\n")).toBe("200");
    for (let i = 0; i < 50; i++) await open(port);
    const newcomer = await open(port);
    expect(await get(newcomer, "/healthz")).toBe("200");
    expect(await get(known, "/auth/profile", "authorization: Bearer t\r\n")).toBe("200");
    expect(refused).toContain("budget http_connections");
  });

  test("those of one source compete with each other only", async () => {
    const { port, refused } = await start({ limits: { anonymousConnectionsPerSource: 5 } });
    const first = await open(port);
    const cutOff = new Promise((resolve) => first.once("close", resolve));
    for (let i = 0; i < 5; i++) await open(port);
    await cutOff;
    expect(refused).toEqual(["budget http_connections_per_source"]);
  });

  test("408 for headers that do not come, and for a body that does not", async () => {
    const { port, refused } = await start({ limits: { headersMs: 200, requestMs: 400 } });
    const answerOf = async (text: string) => {
      const socket = await open(port);
      const answered = new Promise<string>((resolve) => {
        let all = "";
        socket.on("data", (data) => {
          all += data;
        });
        socket.once("close", () => resolve(all));
      });
      socket.write(text);
      return answered;
    };
    const [headers, body] = await Promise.all([
      answerOf("GET / HTTP/1.1\r\nhost: x\r\n"),
      answerOf(
        `POST ${LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
      ),
    ]);
    for (const answer of [headers, body]) {
      expect(answer).toContain("HTTP/1.1 408 Request Timeout");
      expect(answer).toContain('"code":"deadline_exceeded"');
    }
    expect(refused).toEqual(["budget http_request_time", "budget http_request_time"]);
  });

  test("an upgrade is answered as any other request", async () => {
    const { port } = await start({});
    const socket = await open(port);
    const headers = "connection: upgrade\r\nupgrade: websocket\r\n";
    expect(await get(socket, "/healthz", headers)).toBe("200");
  });
});
