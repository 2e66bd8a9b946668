import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bareCall } from "../integration/doors/bare_call.js";
import {
  callHeaders,
  FLAG,
  FRAME,
  frame,
  grpcMessage,
  headerBlock,
  openRaw,
  PREFACE,
  type RawConnection,
  rememberedField,
} from "../integration/doors/raw_http2.js";
import { findFreePort } from "../support/free_port.js";
import { redisUrlForFile } from "../support/redis.js";
import { type ServerProcess, startServerProcess } from "../support/server_process.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";

const MEBIBYTE = 1024 * 1024;
/** How often the memory is looked at during a flood. */
const CALLS_PER_LOOK = 20;
/** What any of the floods may take while it lasts and leave behind, garbage that is not collected yet included. */
const MAX_GROWTH = 200 * MEBIBYTE;
const HONEST = "/curfew.v1.AuthService/GetJwks";

let database: TestDatabase;
let server: ServerProcess;
let port: number;
let metricsPort: number;
let honest: Client;
let before: number;

beforeAll(async () => {
  database = await createDatabase();
  [port, metricsPort] = [await findFreePort(), await findFreePort()];
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
      HTTP_PORT: "0",
      METRICS_PORT: String(metricsPort),
      SERVICE_AUTH: "key",
      REDIS_TIMEOUT_MS: "250",
    },
  });
  honest = new Client(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
  for (let warm = 0; warm < 200; warm++) await call();
  before = await memory();
}, 120_000);
afterAll(async () => {
  honest?.close();
  await server?.stop("SIGTERM");
  await database?.drop();
});

const call = async (): Promise<string> =>
  (await bareCall(honest, { path: HONEST, messages: [Buffer.alloc(0)] })).reason;

/** The resident memory in bytes, as the process itself reports it. */
const memory = async (): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]);
};

/** Writes until all is written or the server has had enough. */
const pour = async (raw: RawConnection, frames: Iterable<Buffer>): Promise<void> => {
  let some: Buffer[] = [];
  for (const one of frames) {
    if (raw.closed) return;
    some.push(one);
    if (some.length < 200) continue;
    await raw.write(Buffer.concat(some));
    some = [];
  }
  await raw.write(Buffer.concat(some));
};

const repeat = function* (count: number, make: (index: number) => Buffer): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield make(index);
};

const headers = callHeaders(HONEST);
const open = (index: number, flags: number = FLAG.END_HEADERS): Buffer =>
  frame(FRAME.HEADERS, flags, 2 * index + 1, headers);

interface Flood {
  readonly name: string;
  readonly connections: number;
  readonly preface?: boolean;
  readonly pour: (raw: RawConnection) => Promise<void>;
}

const FLOODS: readonly Flood[] = [
  {
    name: "rapid resets (CVE-2023-44487)",
    connections: 2,
    pour: (raw) =>
      pour(
        raw,
        repeat(20_000, (index) =>
          Buffer.concat([
            open(index),
            frame(FRAME.RST_STREAM, FLAG.NONE, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
          ]),
        ),
      ),
  },
  {
    name: "a flood of CONTINUATION (CVE-2024-27316)",
    connections: 2,
    pour: async (raw) => {
      await raw.write(open(0, FLAG.NONE));
      const more = headerBlock([["x-more", "x".repeat(8000)]]);
      await pour(
        raw,
        repeat(4000, () => frame(FRAME.CONTINUATION, FLAG.NONE, 1, more)),
      );
    },
  },
  {
    name: "a flood of streams that are never ended",
    connections: 5,
    pour: (raw) =>
      pour(
        raw,
        repeat(10_000, (index) => open(index)),
      ),
  },
  {
    name: "giant metadata",
    connections: 3,
    pour: (raw) =>
      pour(
        raw,
        repeat(500, (index) =>
          frame(
            FRAME.HEADERS,
            FLAG.END_HEADERS,
            2 * index + 1,
            callHeaders(HONEST, [["x-giant", "x".repeat(15_000)]]),
          ),
        ),
      ),
  },
  {
    name: "a bomb of remembered headers (CVE-2016-6581)",
    connections: 5,
    pour: async (raw) => {
      const bomb = rememberedField(["x", "x".repeat(4000)], 10_000);
      const block = Buffer.concat([headers, bomb]);
      await pour(
        raw,
        repeat(50, (index) => frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * index + 1, block)),
      );
    },
  },
  {
    name: "a flood of empty data (CVE-2019-9518)",
    connections: 2,
    pour: async (raw) => {
      await raw.write(open(0));
      await pour(
        raw,
        repeat(50_000, () => frame(FRAME.DATA, FLAG.NONE, 1)),
      );
    },
  },
  {
    name: "a flood of window updates",
    connections: 2,
    pour: (raw) =>
      pour(
        raw,
        repeat(50_000, () => frame(FRAME.WINDOW_UPDATE, FLAG.NONE, 0, Buffer.from([0, 0, 0, 1]))),
      ),
  },
  {
    name: "a decompression bomb",
    connections: 5,
    pour: async (raw) => {
      const bomb = gzipSync(Buffer.alloc(40 * MEBIBYTE));
      const zipped = callHeaders(HONEST, [["grpc-encoding", "gzip"]]);
      await raw.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, zipped));
      const message = grpcMessage(bomb, true);
      const pieces = Math.ceil(message.length / 16_000);
      await pour(
        raw,
        repeat(pieces, (index) => {
          const last = index === pieces - 1 ? FLAG.END_STREAM : FLAG.NONE;
          return frame(FRAME.DATA, last, 1, message.subarray(index * 16_000, (index + 1) * 16_000));
        }),
      );
    },
  },
  {
    name: "a flood of pings",
    connections: 2,
    pour: (raw) =>
      pour(
        raw,
        repeat(50_000, () => frame(FRAME.PING, FLAG.NONE, 0, Buffer.alloc(8))),
      ),
  },
  {
    name: "a flood of settings",
    connections: 2,
    pour: (raw) =>
      pour(
        raw,
        repeat(50_000, () => frame(FRAME.SETTINGS, FLAG.NONE, 0)),
      ),
  },
  {
    name: "slow readers",
    connections: 20,
    pour: async (raw) => {
      // Nothing may be sent to us: SETTINGS_INITIAL_WINDOW_SIZE is 0.
      await raw.write(frame(FRAME.SETTINGS, FLAG.NONE, 0, Buffer.from([0, 4, 0, 0, 0, 0])));
      await pour(
        raw,
        repeat(100, (index) =>
          Buffer.concat([
            open(index),
            frame(FRAME.DATA, FLAG.END_STREAM, 2 * index + 1, grpcMessage(Buffer.alloc(0))),
          ]),
        ),
      );
    },
  },
  {
    name: "malformed frames",
    connections: 50,
    pour: (raw) =>
      pour(
        raw,
        repeat(100, (index) => frame(index % 16, index % 256, index, randomBytes(100))),
      ),
  },
  {
    name: "garbage in place of HTTP/2",
    connections: 50,
    preface: false,
    pour: (raw) => raw.write(randomBytes(4096)),
  },
  {
    name: "half-open connections",
    connections: 500,
    preface: false,
    pour: (raw) => raw.write(PREFACE.subarray(0, 10)),
  },
];

test.each(FLOODS)(
  "D5 $name: memory is bounded, the process lives, honest callers are served",
  async ({ connections, preface = true, pour: attack }) => {
    const raws = await Promise.all(
      Array.from({ length: connections }, () => openRaw(port, { preface })),
    );
    let over = false;
    const attacks = Promise.all(raws.map(attack)).finally(() => {
      over = true;
    });
    const during: string[] = [];
    let most = 0;
    do {
      during.push(await call());
      if (during.length % CALLS_PER_LOOK === 0) most = Math.max(most, await memory());
    } while (!over && during.length < 10_000);
    await attacks;
    during.push(await call());
    expect(new Set(during)).toEqual(new Set(["OK"]));
    most = Math.max(most, await memory());
    await Promise.all(raws.map((raw) => raw.close()));
    expect(most - before).toBeLessThan(MAX_GROWTH);
    expect(server.running).toBe(true);
    expect(await call()).toBe("OK");
  },
);

test("D6 whatever came in, the output is JSON objects, one a line", () => {
  // The first line kept may be the end of a longer one.
  const lines = server.output().split("\n").slice(1).filter(Boolean);
  for (const line of lines) expect(JSON.parse(line)).toBeTypeOf("object");
});
