import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  AuthServiceService,
  ValidateTokensRequest,
} from "../../generated/curfew/v1/auth_service.js";
import { type BareAnswer, bareCall } from "../integration/doors/bare_call.js";
import {
  callHeaders,
  FLAG,
  FRAME,
  frame,
  grpcMessage,
  openRaw,
} from "../integration/doors/raw_http2.js";
import { findFreePort } from "../support/free_port.js";
import { redisUrlForFile } from "../support/redis.js";
import { type ServerProcess, startServerProcess } from "../support/server_process.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";

const MEBIBYTE = 1024 * 1024;
/** The maximum growth of the process under an attack, garbage included. Before the budgets it was 1.1 GiB. */
const MAX_GROWTH = 200 * MEBIBYTE;
const LOGIN = AuthServiceService.login.path;
const WATCH = "/grpc.health.v1.Health/Watch";

let database: TestDatabase;
let server: ServerProcess;
let port: number;
let httpPort: number;
let metricsPort: number;
const clients: Client[] = [];

beforeAll(async () => {
  database = await createDatabase();
  [port, httpPort, metricsPort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  server = await startServerProcess({
    command: process.execPath,
    args: ["--import", "tsx", "src/cli/main.ts", "serve"],
    ready: /curfew is ready/,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      DATABASE_URL: database.url,
      REDIS_URL: await redisUrlForFile(),
      HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      HTTP_PORT: String(httpPort),
      METRICS_PORT: String(metricsPort),
      // With this setting every caller that asks about tokens counts as a service, which is a good credential.
      SERVICE_AUTH: "none",
      REDIS_TIMEOUT_MS: "250",
    },
  });
  for (let warm = 0; warm < 50; warm++) await ask(newClient(), AuthServiceService.getJwks.path);
}, 120_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await server?.stop("SIGTERM");
  await database?.drop();
});

/** A client with a connection of its own. */
const newClient = (): Client => {
  const client = new Client(`127.0.0.1:${port}`, ChannelCredentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  clients.push(client);
  return client;
};

const ask = (client: Client, path: string, message: Uint8Array = Buffer.alloc(0)) =>
  bareCall(client, { path, messages: [message] });

const validate = AuthServiceService.validateToken;
/** A service asks about an invalid token: the verdict is an answer. */
const validateOn = (client: Client): Promise<BareAnswer> =>
  ask(
    client,
    validate.path,
    validate.requestSerialize({ accessToken: "none", audience: "", skipActivity: true }),
  );

const metrics = async (): Promise<string> =>
  (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();

const memory = async (): Promise<number> =>
  Number(/^process_resident_memory_bytes (\S+)/m.exec(await metrics())?.[1]);

const refusals = async (limit: string): Promise<number> =>
  Number(
    new RegExp(`^curfew_refusals_total.*limit="${limit}".* (\\d+)$`, "m").exec(
      await metrics(),
    )?.[1] ?? 0,
  );

const peakDuring = async (attack: () => Promise<void>): Promise<number> => {
  const before = await memory();
  let peak = before;
  let isOver = false;
  const attacking = attack().finally(() => {
    isOver = true;
  });
  while (!isOver) peak = Math.max(peak, await memory());
  await attacking;
  return Math.max(peak, await memory()) - before;
};

const expectServed = async (): Promise<void> => {
  expect((await ask(newClient(), AuthServiceService.getJwks.path)).reason).toBe("OK");
  expect((await validateOn(newClient())).reason).toBe("ACCESS_TOKEN_INVALID");
};

test("D8 a hundred logins that inflate a thousandfold and never end cost next to nothing", async () => {
  const bomb = grpcMessage(gzipSync(Buffer.alloc(4_250_000, "a")), true);
  const headers = callHeaders(LOGIN, [["grpc-encoding", "gzip"]]);
  const raw = await openRaw(port);
  const growth = await peakDuring(async () => {
    for (let index = 0; index < 100; index += 1)
      await raw.write(
        Buffer.concat([
          frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * index + 1, headers),
          frame(FRAME.DATA, FLAG.NONE, 2 * index + 1, bomb),
        ]),
      );
    // Without a bound, the messages are inflated by other threads for a while.
    for (let look = 0; look < 20; look += 1) await memory();
    await expectServed();
  });
  await raw.close();
  console.info(`the process grew by ${Math.round(growth / MEBIBYTE)} MiB`);
  expect(growth).toBeLessThan(MAX_GROWTH);
  expect(await refusals("message_bytes")).toBeGreaterThanOrEqual(100);
});

test("D8 three hundred logins of 4 MiB are refused by their heads, and not held", async () => {
  const message = grpcMessage(Buffer.alloc(4 * MEBIBYTE));
  const sessions: ClientHttp2Session[] = [];
  let ended = 0;
  const growth = await peakDuring(async () => {
    for (let index = 0; index < 3; index += 1) {
      const session = connect(`http://127.0.0.1:${port}`);
      session.on("error", () => {});
      sessions.push(session);
      const streams = Array.from({ length: 100 }, () => {
        const headers = { ":method": "POST", ":path": LOGIN, "content-type": "application/grpc" };
        const stream = session.request({ ...headers, te: "trailers" });
        stream.on("error", () => {});
        stream.resume();
        // Never half-closed: it ends when the server closes it, or holds all that was sent.
        stream.write(message);
        return new Promise<void>((resolve) => {
          // Emitted when the server resets the stream.
          stream.once("aborted", () => {
            ended += 1;
            resolve();
          });
          setTimeout(resolve, 5000).unref();
        });
      });
      await Promise.all(streams);
    }
    await expectServed();
  });
  for (const session of sessions) session.destroy();
  expect(ended).toBe(300);
  console.info(`the process grew by ${Math.round(growth / MEBIBYTE)} MiB`);
  expect(growth).toBeLessThan(MAX_GROWTH);
});

test("D8 two hundred connections with a hundred watches each leave the calls to others", async () => {
  const message = grpcMessage(Buffer.alloc(0));
  const watches = Buffer.concat(
    Array.from({ length: 100 }, (_, index) =>
      Buffer.concat([
        frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * index + 1, callHeaders(WATCH)),
        frame(FRAME.DATA, FLAG.END_STREAM, 2 * index + 1, message),
      ]),
    ),
  );
  const raws = await Promise.all(Array.from({ length: 200 }, () => openRaw(port)));
  await Promise.all(raws.map((raw) => raw.write(watches)));
  await expectServed();
  expect((await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status).toBe(200);
  expect(await refusals("public_streams_per_source")).toBeGreaterThan(10_000);
  await Promise.all(raws.map((raw) => raw.close()));
}, 120_000);

test("D8 thousands of connections that say nothing keep no newcomer out", async () => {
  const sockets: Socket[] = [];
  for (let batch = 0; batch < 42; batch += 1) {
    const opened = Array.from({ length: 100 }, () => {
      const socket = connectSocket(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      sockets.push(socket);
      return new Promise<void>((resolve) => {
        socket.once("connect", resolve);
        socket.once("close", () => resolve());
      });
    });
    await Promise.all(opened);
  }
  await expectServed();
  expect(await refusals("connections_per_source")).toBeGreaterThan(1000);
  for (const socket of sockets) socket.destroy();
}, 120_000);

test("D8 hundreds of batches of 1,000 tokens leave the event loop to others", async () => {
  const { path } = AuthServiceService.validateTokens;
  const token = `${"h".repeat(40)}.${"p".repeat(400)}.${"s".repeat(86)}`;
  const batch = ValidateTokensRequest.encode({
    requests: new Array(1000).fill({ accessToken: token, audience: "", skipActivity: true }),
  }).finish();
  const honest = newClient();
  await validateOn(honest);
  let answered = 0;
  const batches = Array.from({ length: 10 }, newClient).flatMap((client) =>
    Array.from({ length: 20 }, async () => {
      const { reason } = await bareCall(client, { path, messages: [batch], deadlineMs: 60_000 });
      if (reason === "OK") answered += 1;
      return reason;
    }),
  );
  let isOver = false;
  const reasons = Promise.all(batches).finally(() => {
    isOver = true;
  });
  const during: number[] = [];
  while (!isOver) {
    const before = answered;
    await validateOn(honest);
    during.push(answered - before);
  }
  await reasons;
  const sorted = during.toSorted((a, b) => a - b);
  const [median = 0, most = 0] = [sorted[sorted.length >> 1], sorted.at(-1)];
  console.info(
    `${during.length} single validations beside ${answered} batches; during one: ${median} batches, at most ${most}`,
  );
  expect(answered).toBeGreaterThan(0);
  // A single call waits for a few parts of batches, not for all that have come before it.
  expect(most).toBeLessThan(20);
}, 120_000);
