import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  LoginRequest,
  RecordActivityRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { type Frame, frameReader } from "../../support/h2_frames.js";
import { waitUntil } from "../../support/wait_until.js";
import { callHeaders, FLAG, FRAME, frame, grpcMessage, openRaw } from "../doors/raw_http2.js";
import { failureOf, type StubServer, startStubServer, stubRules } from "./stub_server.js";

const LOGIN = AuthServiceService.login.path;
const ACTIVITY = AuthServiceService.recordActivity.path;
const login = LoginRequest.encode(
  LoginRequest.create({ username: "ada", password: "correct horse" }),
).finish();
const loginBytes = stubRules.of(LOGIN).requestBytes;

let stub: StubServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  stub = await startStubServer({ login: () => new Promise(() => {}) });
  session = connect(`http://127.0.0.1:${stub.port}`);
});
afterAll(async () => {
  session.destroy();
  await stub.close();
});

/** The failure of a call whose request has these bytes. */
const failureOfBytes = async (body: Buffer, headers: OutgoingHttpHeaders = {}) => {
  const stream = session.request({
    ":method": "POST",
    ":path": LOGIN,
    "content-type": "application/grpc",
    te: "trailers",
    "accept-language": "fr",
    ...headers,
  });
  const [response] = await Promise.all([once(stream, "response"), stream.end(body)]);
  stream.resume();
  const metadata = Metadata.fromHttp2Headers(response[0]);
  const code = Number(metadata.get("grpc-status")[0]);
  return failureOf(Object.assign(new Error(), { code, details: "", metadata }));
};

const bound = (limit: string) => ({ refused_by: "bound", limit });

describe("D8 a failure below the interceptors has a reason, a text in the caller's language, and no line at level error", () => {
  test.each<[string, object, Buffer, OutgoingHttpHeaders?]>([
    [
      "a message too large",
      { code: 3, reason: "INVALID_ARGUMENT", fields: ["request"], facts: bound("message_bytes") },
      grpcMessage(Buffer.alloc(loginBytes + 1)),
    ],
    [
      "the head of a message of 4 GiB",
      { code: 3, reason: "INVALID_ARGUMENT", facts: bound("message_bytes") },
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
    ],
    [
      "a message that inflates to too much",
      { code: 3, reason: "INVALID_ARGUMENT", facts: bound("message_bytes") },
      grpcMessage(gzipSync(Buffer.alloc(4_250_000)), true),
      { "grpc-encoding": "gzip" },
    ],
    [
      "bad gzip",
      { code: 3, reason: "INVALID_ARGUMENT", fields: ["request"] },
      grpcMessage(Buffer.from("not gzip"), true),
      { "grpc-encoding": "gzip" },
    ],
    [
      "an unknown encoding",
      { code: 12, reason: "UNIMPLEMENTED", facts: { accept_encoding: "identity,deflate,gzip" } },
      grpcMessage(login, true),
      { "grpc-encoding": "br" },
    ],
    [
      "a bad grpc-timeout",
      { code: 3, reason: "INVALID_ARGUMENT", fields: ["grpc-timeout"] },
      grpcMessage(login),
      { "grpc-timeout": "1 hour" },
    ],
    [
      "a message that cannot be decoded",
      { code: 3, reason: "INVALID_ARGUMENT", fields: ["request"] },
      grpcMessage(Buffer.from([0x0a, 0x05, 0x61])),
    ],
    ["no message", { code: 12, reason: "UNIMPLEMENTED" }, Buffer.alloc(0)],
    [
      "two messages",
      { code: 12, reason: "UNIMPLEMENTED" },
      Buffer.concat([grpcMessage(login), grpcMessage(login)]),
    ],
    ["half a message", { code: 12, reason: "UNIMPLEMENTED" }, grpcMessage(login).subarray(0, 8)],
    [
      "a deadline that passes",
      { code: 4, reason: "DEADLINE_EXCEEDED" },
      grpcMessage(login),
      { "grpc-timeout": "20m" },
    ],
    [
      "elements too many",
      {
        code: 3,
        reason: "INVALID_ARGUMENT",
        fields: ["activities"],
        facts: bound("request_fields"),
      },
      grpcMessage(Buffer.alloc(400_000, Buffer.from([0x0a, 0]))),
      { ":path": ACTIVITY, authorization: "Bearer ada" },
    ],
    [
      "a health check that cannot be decoded",
      { code: 3, reason: "INVALID_ARGUMENT" },
      grpcMessage(Buffer.from([0x0f])),
      { ":path": "/grpc.health.v1.Health/Check" },
    ],
  ])("%s", async (_what, expected, body, headers) => {
    const before = stub.calls.length;
    expect(await failureOfBytes(body, headers)).toMatchObject({
      ...expected,
      localized: { locale: "fr" },
    });
    await waitUntil("the call is counted", () => stub.calls.length > before);
    const [counted] = stub.calls.slice(before);
    const { code, reason } = expected as { code: number; reason: string };
    expect(counted).toMatchObject({ code, reason });
    // Only INTERNAL and UNKNOWN are lines at level error.
    expect([2, 13]).not.toContain(counted?.code);
  });

  test("a signed-in user's request of 4 MiB is refused by its head", async () => {
    const head = Buffer.from([0, 0, 0x40, 0, 0]);
    const authorization = "Bearer ada";
    expect(await failureOfBytes(head, { ":path": ACTIVITY, authorization })).toMatchObject({
      code: 3,
      facts: bound("message_bytes"),
    });
    const most = RecordActivityRequest.encode({
      activities: new Array(1001).fill({ sessionId: "x".repeat(128), at: new Date() }),
    }).finish();
    expect(most.length).toBeLessThan(stubRules.of(ACTIVITY).requestBytes);
  });

  test("nothing of a request is decoded before its caller is authenticated", async () => {
    const undecodable = grpcMessage(Buffer.from([0x0a, 0x05]));
    expect(await failureOfBytes(undecodable, { ":path": ACTIVITY })).toMatchObject({
      code: 16,
      reason: "CREDENTIALS_MISSING",
    });
    const tooLarge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
    const authorization = "Bearer nobody";
    expect(await failureOfBytes(tooLarge, { ":path": ACTIVITY, authorization })).toMatchObject({
      code: 16,
      reason: "ACCESS_TOKEN_INVALID",
    });
  });
});

describe("D8 a call that is answered while its request still comes", () => {
  const framesOf = async (sent: readonly Buffer[]): Promise<Frame[]> => {
    const raw = await openRaw(stub.port);
    const frames: Frame[] = [];
    raw.socket.on(
      "data",
      frameReader((one) => frames.push(one)),
    );
    for (const bytes of sent) await raw.write(bytes);
    await waitUntil("the stream is reset", () =>
      frames.some(({ type }) => type === FRAME.RST_STREAM),
    );
    await raw.close();
    return frames.filter(({ stream }) => stream === 1);
  };
  const open = (path: string, more: readonly (readonly [string, string])[] = []) =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, callHeaders(path, more));

  test.each([
    ["refused for its credential", [open(ACTIVITY)]],
    ["of a method that nobody serves", [open("/curfew.v1.AuthService/Nope")]],
    [
      "refused for its size",
      [open(LOGIN), frame(FRAME.DATA, FLAG.NONE, 1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))],
    ],
    [
      "out of time",
      [open(LOGIN, [["grpc-timeout", "5m"]]), frame(FRAME.DATA, FLAG.NONE, 1, grpcMessage(login))],
    ],
  ])("%s gets its status, and then RST_STREAM(NO_ERROR)", async (_why, sent) => {
    const frames = await framesOf(sent);
    expect(frames.map(({ type }) => type)).toEqual([FRAME.HEADERS, FRAME.RST_STREAM]);
    expect(frames[0]?.flags).toBe(FLAG.END_HEADERS | FLAG.END_STREAM);
    expect(frames[1]?.payload.readUInt32BE(0)).toBe(0);
  });

  test("bytes that nobody reads are bounded: the window of a stranger's stream is 16 KiB", async () => {
    const raw = await openRaw(stub.port);
    const settings = new Map<number, number>();
    raw.socket.on(
      "data",
      frameReader(({ type, payload }) => {
        if (type !== FRAME.SETTINGS) return;
        for (let at = 0; at < payload.length; at += 6)
          settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      }),
    );
    await waitUntil("the server has sent its settings", () => settings.size > 0);
    expect(settings.get(4)).toBe(16 * 1024);
    await raw.write(
      frame(
        FRAME.HEADERS,
        FLAG.END_HEADERS | FLAG.END_STREAM,
        1,
        callHeaders(ACTIVITY, [["authorization", "Bearer cfs_billing"]]),
      ),
    );
    // A good credential opens it.
    await waitUntil("the window is open", () => settings.get(4) === 65_535);
    await raw.close();
  });
});
