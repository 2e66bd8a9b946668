import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  RecordActivityRequest,
  RefreshTokensRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { findFreePort } from "../../support/free_port.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { grpcMessage } from "../doors/raw_http2.js";
import { sumOf } from "./served_metrics.js";

const LOGIN = AuthServiceService.login.path;
const WATCH = "/grpc.health.v1.Health/Watch";
const REFRESH = AuthServiceService.refreshTokens.path;
const ACTIVITY = AuthServiceService.recordActivity.path;

let service: TestService;
let ports: { grpc: number; http: number; metrics: number };
/** A user's tokens. */
let accessToken: string;
let refreshToken: string;
const sockets: Socket[] = [];
const sessions: ClientHttp2Session[] = [];

/** A connection that says this much, and nothing more. */
const say = (port: number, text = ""): Socket => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(text);
  sockets.push(socket);
  return socket;
};

const SLOW = "GET / HTTP/1.1\r\nhost: x\r\n";

beforeAll(async () => {
  const [http, metrics] = [await findFreePort(), await findFreePort()];
  service = await startTestService({
    HTTP_PORT: String(http),
    METRICS_PORT: String(metrics),
    LOGIN_MAX_FAILURES_PER_SOURCE: "5",
  });
  ports = { grpc: Number(service.target.split(":")[1]), http, metrics };
  // The limits of time pass while the others are tried.
  say(ports.grpc);
  say(ports.http, SLOW);
  say(ports.metrics, SLOW);
  const user = await service.createUser();
  ({ accessToken, refreshToken } = await service.signIn(user.username));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const session of sessions) session.destroy();
  await service?.stop();
});

const counted = async (by: string, limit: string): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${ports.metrics}/metrics`, {
    headers: { connection: "close" },
  });
  return sumOf(await answer.text(), "curfew_refusals_total", { by, limit });
};

const openHttp2 = (): ClientHttp2Session => {
  const session = connectHttp2(`http://${service.target}`);
  session.on("error", () => undefined);
  sessions.push(session);
  return session;
};

/** Begins a call; the caller ends it only on request. */
const begin = (
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  headers: OutgoingHttpHeaders = {},
  isEnded = false,
): void => {
  const call = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  call.on("error", () => undefined);
  call.resume();
  if (isEnded) call.end(body);
  else call.write(body);
};

/** Begins so many calls of a stranger on a connection of its own. */
const pour = (times: number, path: string, body: Buffer, headers?: OutgoingHttpHeaders): void => {
  const session = openHttp2();
  for (let index = 0; index < times; index += 1) begin(session, path, body, headers);
};

const asUser = () => ({ authorization: `Bearer ${accessToken}` });

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${ports.http}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close", ...headers },
    body,
  }).then((answer) => answer.text());

const refresh = (token: string) =>
  service.call(AuthServiceService.refreshTokens, { refreshToken: token } as never).catch(() => "");

const times = async (count: number, what: () => Promise<unknown>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, what));
};

const bomb = grpcMessage(gzipSync(Buffer.alloc(4_250_000)), true);
const gzip = { "grpc-encoding": "gzip" };
const nothing = grpcMessage(Buffer.alloc(0));

/** The attack of a stranger, and the line of the metrics that it leaves. */
const ATTACKS: [what: string, by: string, limit: string, attack: () => unknown][] = [
  [
    "a batch of 5 MiB without a credential over REST",
    "bound",
    "body_without_credential",
    () => post("/auth/validate:batch", `{"requests":[${Array(200_000).fill("{}").join(",")}]}`),
  ],
  [
    "a large body with a forged credential over REST",
    "bound",
    "body_without_credential",
    () => post("/auth/validate:batch", " ".repeat(100_000), { authorization: "Bearer cfs_forged" }),
  ],
  [
    "elements without number over REST",
    "bound",
    "body_elements",
    () => post("/auth/login", `{${Array(2000).fill('"a":1').join(",")}}`),
  ],
  [
    "levels without number over REST",
    "bound",
    "body_depth",
    () => post("/auth/login", "[".repeat(1000)),
  ],
  [
    "a body too large over REST",
    "bound",
    "body_bytes",
    () => post("/auth/login", " ".repeat(70_000)),
  ],
  [
    "headers too large over REST",
    "bound",
    "http_header_bytes",
    () => say(ports.http, `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`),
  ],
  [
    "connections over REST",
    "budget",
    "http_connections_per_source",
    () => {
      for (let index = 0; index < 260; index += 1) say(ports.http);
    },
  ],
  ["bodies over REST", "budget", "body_bytes_per_source", () => pourBodies(70)],
  [
    "a message too large",
    "bound",
    "message_bytes",
    () => pour(1, LOGIN, grpcMessage(Buffer.alloc(100_000))),
  ],
  [
    "a message that inflates to too much",
    "bound",
    "message_bytes",
    () => pour(1, LOGIN, bomb, gzip),
  ],
  [
    "a user's elements without number",
    "bound",
    "request_fields",
    () => pour(1, ACTIVITY, grpcMessage(Buffer.alloc(4000, Buffer.from([0x0a, 0]))), asUser()),
  ],
  [
    "a user's activities without number",
    "bound",
    "request_fields",
    () => {
      const activities = new Array(1500).fill({ sessionId: "x", at: undefined });
      const message = Buffer.from(RecordActivityRequest.encode({ activities }).finish());
      pour(1, ACTIVITY, grpcMessage(message), asUser());
    },
  ],
  [
    "an unknown encoding",
    "bound",
    "request_form",
    () => pour(1, LOGIN, grpcMessage(Buffer.from("x"), true), { "grpc-encoding": "br" }),
  ],
  [
    "bad gzip",
    "bound",
    "request_form",
    () => pour(1, LOGIN, grpcMessage(Buffer.from("x"), true), gzip),
  ],
  [
    "a bad grpc-timeout",
    "bound",
    "request_form",
    () => pour(1, LOGIN, nothing, { "grpc-timeout": "1 hour" }),
  ],
  [
    "a message that cannot be decoded",
    "bound",
    "request_form",
    () => pour(1, LOGIN, grpcMessage(Buffer.from([0x0a, 5]))),
  ],
  [
    "streams that anybody may open",
    "budget",
    "public_streams_per_source",
    () => {
      for (let index = 0; index < 2; index += 1) pour(60, WATCH, nothing);
    },
  ],
  [
    "requests that are announced and never come",
    "budget",
    "request_bytes_per_connection",
    () => pour(60, LOGIN, grpcMessage(Buffer.alloc(9000)).subarray(0, 100)),
  ],
  [
    "connections that say nothing",
    "budget",
    "connections_per_source",
    () => {
      for (let index = 0; index < 260; index += 1) say(ports.grpc);
    },
  ],
  [
    "forged refresh tokens",
    "budget",
    "bad_refresh_tokens_per_source",
    () => times(250, () => refresh("forged")),
  ],
  [
    "one refresh token again and again",
    "budget",
    "refreshes_per_session",
    () => {
      const request = AuthServiceService.refreshTokens.requestSerialize(
        RefreshTokensRequest.create({ refreshToken }),
      );
      // All at once: the budget refills with time.
      for (let connection = 0; connection < 6; connection += 1) {
        const session = openHttp2();
        for (let index = 0; index < 100; index += 1)
          begin(session, REFRESH, grpcMessage(request), {}, true);
      }
    },
  ],
  [
    "wrong passwords",
    "budget",
    "attempts",
    async () => {
      for (let index = 0; index < 7; index += 1)
        await post("/auth/login", '{"username":"nobody","password":"a wrong passphrase"}');
    },
  ],
  [
    "headers too large at the metrics port",
    "bound",
    "metrics_header_bytes",
    () => say(ports.metrics, `GET / HTTP/1.1\r\nx: ${"x".repeat(10_000)}\r\n\r\n`),
  ],
  [
    "connections at the metrics port",
    "budget",
    "metrics_connections_per_source",
    () => {
      for (let index = 0; index < 40; index += 1) say(ports.metrics);
    },
  ],
];

/** Bodies that never come to their end. */
const pourBodies = (count: number): void => {
  for (let index = 0; index < count; index += 1)
    say(
      ports.http,
      "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
        `content-length: 20000\r\n\r\n${" ".repeat(19_000)}`,
    );
};

describe("D8 D10 what a stranger is refused leaves a line in the metrics", () => {
  test.each(ATTACKS)("%s: %s %s", async (_what, by, limit, attack) => {
    const before = await counted(by, limit);
    await attack();
    await waitUntil("it is counted", async () => (await counted(by, limit)) > before);
  });

  // Begun before the others.
  test.each([
    ["a connection that says nothing", "handshake_time"],
    ["slow headers over REST", "http_request_time"],
    ["slow headers at the metrics port", "metrics_request_time"],
  ])("%s: budget %s", async (_what, limit) => {
    await waitUntil("it is counted", async () => (await counted("budget", limit)) > 0);
  });

  test("D7 a call that is refused unread is a denied call of its source", async () => {
    const events = await service.query<{ ip: string; reason: string }>(
      `SELECT ip, reason FROM audit_events
       WHERE type = 'CALL_DENIED' AND metadata->>'method' LIKE '%/ValidateTokens'`,
    );
    expect(events).toHaveLength(2);
    expect(events).toContainEqual({ ip: "127.0.0.1", reason: "CREDENTIALS_MISSING" });
    expect(events).toContainEqual({ ip: "127.0.0.1", reason: "ACCESS_TOKEN_INVALID" });
  });
});
