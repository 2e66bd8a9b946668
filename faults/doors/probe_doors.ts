import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { RpcLimits } from "../../src/rpc/limits.js";
import { bareCall } from "../../test/integration/doors/bare_call.js";
import {
  callHeaders,
  FLAG,
  FRAME,
  frame,
  grpcMessage,
  openRaw,
  type RawConnection,
} from "../../test/integration/doors/raw_http2.js";
import {
  type StubServer,
  startStubServer,
  stubRules,
} from "../../test/integration/rpc/stub_server.js";
import type { DoorDefect } from "../defects/open_doors.js";
import { probeQueue } from "./probe_queue.js";

/** Small, so that a few calls use them up. */
const LIMITS: Partial<RpcLimits> = {
  calls: 12,
  publicCalls: 4,
  publicCallsPerSource: 4,
  publicStreams: 8,
  publicStreamsPerSource: 4,
  publicStreamMs: 1000,
  connections: 12,
  anonymousConnections: 8,
  anonymousConnectionsPerSource: 6,
  handshakeMs: 2000,
  anonymousRequestBytesPerConnection: 20_000,
};

const AUTH = "/curfew.v1.AuthService";
const WATCH = "/grpc.health.v1.Health/Watch";
const SERVICE_KEY = "Bearer cfs_billing";
const PATIENCE_MS = 10_000;

/** Whether the condition becomes true in time. */
const comesTrue = async (condition: () => boolean): Promise<boolean> => {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await wait(10))
    if (condition()) return true;
  return false;
};

const pour = async (
  raw: RawConnection,
  count: number,
  path: string,
  body: Buffer,
  flags: number,
) => {
  // At once, so that the first are still open when the last comes.
  const frames = Array.from({ length: count }, (_, index) => [
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * index + 1, callHeaders(path)),
    frame(FRAME.DATA, flags, 2 * index + 1, body),
  ]);
  await raw.write(Buffer.concat(frames.flat()));
};

const limitsSeen = ({ calls }: StubServer): (string | undefined)[] =>
  calls.map(({ ctx }) => ctx.failure?.metadata.limit);

const countOf = (stub: StubServer, limit: string): number =>
  limitsSeen(stub).filter((seen) => seen === limit).length;

const isServed = async (stub: StubServer): Promise<boolean> => {
  const path = `${AUTH}/ValidateToken`;
  const call = { path, messages: [Buffer.from([0x0a, 1, 0x61])], authorization: SERVICE_KEY };
  return (await bareCall(stub.client(), { ...call, deadlineMs: PATIENCE_MS })).reason === "OK";
};

const probeSizes = async (stub: StubServer): Promise<string[]> => {
  const found: string[] = [];
  const tooLarge = [Buffer.alloc(100_000)];
  await bareCall(stub.client(), { path: `${AUTH}/Login`, messages: tooLarge });
  if (countOf(stub, "message_bytes") === 0) found.push("Login takes a message of 100 kB");
  const tooMany = [Buffer.alloc(4000, Buffer.from([0x0a, 0]))];
  const path = `${AUTH}/RecordActivity`;
  await bareCall(stub.client(), { path, messages: tooMany, authorization: "Bearer ada" });
  if (countOf(stub, "request_fields") === 0) found.push("2,000 elements were decoded");
  return found;
};

const probeStreams = async (stub: StubServer): Promise<string[]> => {
  const found: string[] = [];
  const raw = await openRaw(stub.port);
  await pour(raw, 6, WATCH, grpcMessage(Buffer.alloc(0)), FLAG.END_STREAM);
  if (!(await comesTrue(() => countOf(stub, "public_streams_per_source") === 2)))
    found.push("six streams of one source are open at once");
  const ended = () => stub.calls.filter(({ reason }) => reason === "DEADLINE_EXCEEDED").length;
  if (!(await comesTrue(() => ended() >= 4))) found.push("a public stream does not end");
  await raw.close();
  return found;
};

const probeCalls = async (stub: StubServer): Promise<string[]> => {
  const raw = await openRaw(stub.port);
  await pour(raw, 20, `${AUTH}/GetJwks`, grpcMessage(Buffer.alloc(0)), FLAG.END_STREAM);
  await comesTrue(() => countOf(stub, "public_calls_per_source") + countOf(stub, "calls") > 0);
  const served = await isServed(stub);
  await raw.close();
  return served ? [] : ["calls without credentials keep a service out"];
};

const probeMemory = async (stub: StubServer): Promise<string[]> => {
  const raw = await openRaw(stub.port);
  const part = grpcMessage(Buffer.alloc(8000)).subarray(0, 100);
  await pour(raw, 4, `${AUTH}/Login`, part, FLAG.NONE);
  const isBounded = await comesTrue(() => countOf(stub, "request_bytes_per_connection") === 2);
  await raw.close();
  return isBounded ? [] : ["a stranger's connection holds 32 kB of requests"];
};

const probeConnections = async (stub: StubServer): Promise<string[]> => {
  const found: string[] = [];
  const sockets: Socket[] = [];
  let closed = 0;
  for (let index = 0; index < 20; index += 1) {
    const socket = connect(stub.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.once("close", () => {
      closed += 1;
    });
    socket.resume();
    sockets.push(socket);
    await Promise.race([
      new Promise((resolve) => socket.once("connect", resolve)),
      new Promise((resolve) => socket.once("close", resolve)),
    ]);
  }
  // This runs before the silent connections are cut off for their silence.
  if (!(await isServed(stub))) found.push("silent connections keep a service out");
  if (!(await comesTrue(() => closed === sockets.length))) found.push("silence is waited for");
  for (const socket of sockets) socket.destroy();
  return found;
};

const FORGED = "203.0.113.7";

const probeAddresses = async (stub: StubServer): Promise<string[]> => {
  const metadata = { "x-forwarded-for": FORGED };
  await bareCall(stub.client(), { path: `${AUTH}/Login`, messages: [Buffer.alloc(0)], metadata });
  return stub.calls.some(({ ctx }) => ctx.ip === FORGED)
    ? ["a stranger is believed about its address"]
    : [];
};

const PROBES = [
  probeAddresses,
  probeSizes,
  probeStreams,
  probeCalls,
  probeMemory,
  probeConnections,
];

/**
 * Probes what a stranger can exhaust or pretend on a server with that defect. Returns a sentence for each; none if the
 * server withstands.
 */
export const probeDoors = async (defect?: DoorDefect): Promise<string[]> => {
  const found = await probeQueue(defect?.changeLogin);
  for (const probe of PROBES) {
    const change = defect?.changeRule ?? ((rule) => rule);
    const rules = { ...stubRules, of: (path: string) => change(stubRules.of(path)) };
    const stub = await startStubServer(
      { getJwks: () => new Promise(() => undefined) },
      {
        rules,
        limits: { ...LIMITS, ...defect?.limits },
        trustedProxies: defect?.trustedProxies ?? [],
      },
    );
    try {
      found.push(...(await probe(stub)));
    } finally {
      await stub.close();
    }
  }
  return found;
};
