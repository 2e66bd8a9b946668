import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { deflateSync, gzipSync } from "node:zlib";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Connections } from "../../../src/rpc/budgets/connections.js";
import { DEFAULT_LIMITS } from "../../../src/rpc/limits.js";
import { serveCalls } from "../../../src/rpc/wire/serve_calls.js";
import { servedMethods } from "../../../src/rpc/wire/served_method.js";
import { waitUntil } from "../../support/wait_until.js";

const PATH = "/test.Echo/Echo";
const MESSAGE_BYTES = 100_000;

const CHAT_PATH = "/test.Echo/Chat";
const LIST_PATH = "/test.Echo/List";

const METHOD = {
  path: PATH,
  requestStream: false,
  responseStream: false,
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer): string => {
    if (bytes.toString() === "undecodable") throw new Error("not a message");
    return bytes.toString();
  },
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

const DEFINITION = {
  echo: METHOD,
  chat: { ...METHOD, path: CHAT_PATH, requestStream: true, responseStream: true },
  list: { ...METHOD, path: LIST_PATH, responseStream: true },
};

const framed = (message: Buffer | string, flag = 0): Buffer => {
  const bytes = Buffer.from(message);
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

const seen: Record<"ours" | "theirs", { working: number; cancelled: number; ours: number }> = {
  ours: { working: 0, cancelled: 0, ours: 0 },
  theirs: { working: 0, cancelled: 0, ours: 0 },
};

/** Sends the answer that the message asks for. */
const answer = (
  who: "ours" | "theirs",
  call: ServerUnaryCall<string, string>,
  callback: (error: object | null, value?: string, trailer?: Metadata) => void,
): void => {
  call.on("cancelled", () => {
    seen[who].cancelled += 1;
  });
  const { request } = call;
  const metadata = new Metadata();
  metadata.set("x-more", "a value");
  metadata.set("x-more-bin", Buffer.from([1, 2, 3]));
  if (request === "never") {
    seen[who].working += 1;
    return;
  }
  if (request === "fail") callback({ code: 5, details: "50 % ñ not\nfound", metadata });
  else if (request === "trailers") callback(null, "with trailers", metadata);
  else if (request === "metadata") callback(null, JSON.stringify(call.metadata.get("x-test")));
  else if (request === "bytes") callback(null, JSON.stringify(call.metadata.get("x-test-bin")));
  else if (request === "names")
    callback(null, Object.keys(call.metadata.getMap()).sort().join(" "));
  else if (request === "large") callback(null, "x".repeat(MESSAGE_BYTES + 1));
  else if (request === "peer") callback(null, call.getPeer().replace(/:\d+$/, ""));
  else if (request === "host") callback(null, call.getHost().replace(/:\d+$/, ""));
  else if (request === "deadline")
    callback(null, String(Number(call.getDeadline()) - Date.now() > 4000));
  else if (request === "headers") {
    call.sendMetadata(metadata);
    setImmediate(() => callback(null, "after headers"));
  } else if (request === "headers, then fail") {
    call.sendMetadata(metadata);
    callback({ code: 9, details: "after headers" });
  } else if (request === "later") setTimeout(() => callback(null, "later"), 5);
  else callback(null, `heard ${request.length} ${request.slice(0, 20)}`);
};

/** Echoes the messages in order, and ends when the caller ends or requests it. */
const chat = (call: ServerDuplexStream<string, string>): void => {
  call.on("data", (request: string) => {
    if (request === "fail") call.emit("error", { code: 9, details: "enough" });
    else if (request === "end") call.end();
    else call.write(`heard ${request.length} ${request.slice(0, 20)}`);
  });
  call.on("end", () => call.end());
};

/** As many messages as asked for. */
const list = (call: ServerWritableStream<string, string>): void => {
  for (let index = 0; index < Number(call.request); index += 1) call.write(`item ${index}`);
  if (call.request === "fail") call.emit("error", { code: 9, details: "none" });
  else call.end();
};

/** Refuses a call on request, before any of its request is read. */
const refusing: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata(metadata, proceed) {
          if (metadata.get("x-refuse").length === 0) proceed(metadata);
          else call.sendStatus({ code: 16, details: "not you" });
        },
      }),
  });

const start = async (who: "ours" | "theirs") => {
  const server = new Server({
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
    interceptors: [refusing],
  });
  const handle = (call: ServerUnaryCall<string, string>, callback: Parameters<typeof answer>[2]) =>
    answer(who, call, callback);
  const handlers = { echo: handle, chat, list };
  server.addService(DEFINITION, handlers);
  if (who === "ours") {
    const methods = servedMethods(DEFINITION, handlers).map((method) => ({
      ...method,
      requestBytes: MESSAGE_BYTES,
      responseBytes: MESSAGE_BYTES,
    }));
    const methodOf = (path: string) => {
      const found = methods.find((method) => method.path === path);
      if (found === undefined) throw new Error(`no method ${path}`);
      return found;
    };
    const connections = new Connections(
      DEFAULT_LIMITS,
      () => false,
      () => {},
    );
    serveCalls(server, connections, DEFAULT_LIMITS, methodOf, (_path, call) => {
      seen.ours.ours += 1;
      return refusing(METHOD, call);
    });
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const session = connect(`http://127.0.0.1:${port}`);
  return { server, session };
};

type Side = Awaited<ReturnType<typeof start>>;
let ours: Side;
let theirs: Side;
beforeAll(async () => {
  [ours, theirs] = [await start("ours"), await start("theirs")];
});
afterAll(() => {
  for (const { session, server } of [ours, theirs]) {
    session.destroy();
    server.forceShutdown();
  }
});

const open = (session: ClientHttp2Session, headers: OutgoingHttpHeaders, endStream = false) =>
  session.request(
    {
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    },
    { endStream },
  );

const withoutDate = ({ date: _, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders => headers;

/** All that a client can see of a call whose request comes in these pieces. */
const exchange = async (
  { session }: Side,
  pieces: readonly Buffer[],
  headers: OutgoingHttpHeaders = {},
) => {
  const stream = open(session, headers, pieces.length === 0);
  const told: { headers?: object; trailers?: object; error?: string } = {};
  const body: Buffer[] = [];
  stream.on("response", (received) => {
    told.headers = withoutDate(received);
  });
  stream.on("trailers", (received) => {
    told.trailers = { ...received };
  });
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  const closed = once(stream, "close");
  stream.on("error", (error) => {
    told.error = error.message;
  });
  for (const [index, piece] of pieces.entries()) {
    if (index === pieces.length - 1) stream.end(piece);
    // Each in a frame of its own.
    else await new Promise((written) => stream.write(piece, written));
  }
  await closed;
  return { ...told, body: Buffer.concat(body).toString() };
};

const bytesOf = (whole: Buffer): Buffer[] => [...whole].map((byte) => Buffer.from([byte]));
const NOTHING = Buffer.alloc(0);
const LONG = framed("y".repeat(70_000));

const EQUAL: [string, Buffer[], OutgoingHttpHeaders?][] = [
  ["with a message in one piece", [framed("hello")]],
  ["with a message, and its end after it", [framed("hello"), NOTHING]],
  ["with a message byte by byte", bytesOf(framed("hello"))],
  ["with a head in two pieces", [framed("hello").subarray(0, 3), framed("hello").subarray(3)]],
  [
    "with a message in three pieces",
    [LONG.subarray(0, 9), LONG.subarray(9, 20_000), LONG.subarray(20_000)],
  ],
  ["with an empty message", [framed("")]],
  ["that is answered later", [framed("later")]],
  ["with the greatest message", [framed("z".repeat(MESSAGE_BYTES))]],
  ["that says it is compressed and is not", [framed("hello", 1)]],
  ["that is compressed", [framed(gzipSync("hello"), 1)], { "grpc-encoding": "gzip" }],
  ["that is deflated", [framed(deflateSync("hello"), 1)], { "grpc-encoding": "deflate" }],
  ["that could be compressed", [framed("hello")], { "grpc-encoding": "gzip" }],
  ["that is said not to be compressed", [framed("hello")], { "grpc-encoding": "identity" }],
  ["that fails", [framed("fail")]],
  ["that fails after its headers", [framed("headers, then fail")]],
  ["that is refused before it is read", [LONG, LONG, LONG], { "x-refuse": "yes" }],
  ["answered with trailers", [framed("trailers")]],
  ["answered with headers first", [framed("headers")]],
  ["that has all the time", [framed("hello")], { "grpc-timeout": "99999999H" }],
  ["that has time", [framed("deadline")], { "grpc-timeout": "5S" }],
  ["that has no time limit", [framed("deadline")]],
  ["that is not gRPC", [framed("hello")], { "content-type": "application/json" }],
  ["of another kind of gRPC", [framed("hello")], { "content-type": "application/grpc+json" }],
  ["with metadata", [framed("metadata")], { "x-test": "a, b" }],
  ["with metadata twice", [framed("metadata")], { "x-test": ["a", "b"] }],
  ["with metadata in bytes", [framed("bytes")], { "x-test-bin": "AQID,BAUG" }],
  ["with no metadata of that name", [framed("metadata")]],
  ["from here", [framed("peer")]],
  ["to here", [framed("host")]],
];

const chatting = { ":path": CHAT_PATH };
const listing = { ":path": LIST_PATH };
const EQUAL_STREAMS: typeof EQUAL = [
  ["of three messages in one piece", [Buffer.concat(["a", "b", "c"].map((text) => framed(text)))]],
  ["of messages in many pieces", bytesOf(Buffer.concat([framed("one"), framed("two")]))],
  ["of long messages", [LONG, LONG, framed("short"), LONG]],
  ["without a message", [NOTHING]],
  ["that is half-closed at once", []],
  ["of compressed messages", [framed(gzipSync("a"), 1), framed("b")], { "grpc-encoding": "gzip" }],
  ["that fails after an answer", [framed("one"), framed("fail")]],
  ["that the server ends", [framed("one"), framed("end"), framed("two")]],
  ["that is refused", [framed("one")], { "x-refuse": "yes" }],
];

/** What plain grpc-js answers in another way: as INTERNAL, or with a text of its own (issue "Strangers", D8). */
const OURS: [string, number, string, Buffer[], OutgoingHttpHeaders?][] = [
  ["with a message too large", 3, "INVALID_ARGUMENT", [framed("z".repeat(MESSAGE_BYTES + 1))]],
  ["with the head of a message too large", 3, "INVALID_ARGUMENT", [Buffer.alloc(5, 0x7f), NOTHING]],
  [
    "that inflates to too much",
    3,
    "INVALID_ARGUMENT",
    [framed(gzipSync("z".repeat(MESSAGE_BYTES + 1)), 1)],
    { "grpc-encoding": "gzip" },
  ],
  [
    "with what is not gzip",
    3,
    "INVALID_ARGUMENT",
    [framed("not gzip", 1)],
    { "grpc-encoding": "gzip" },
  ],
  [
    "with gzip cut short",
    3,
    "INVALID_ARGUMENT",
    [framed(gzipSync("hello").subarray(0, 15), 1)],
    { "grpc-encoding": "gzip" },
  ],
  [
    "compressed by something unknown",
    12,
    "UNIMPLEMENTED",
    [framed("x", 1)],
    { "grpc-encoding": "snappy" },
  ],
  [
    "with two messages in one piece",
    12,
    "UNIMPLEMENTED",
    [Buffer.concat([framed("1"), framed("2")])],
  ],
  ["with two messages", 12, "UNIMPLEMENTED", [framed("one"), framed("two")]],
  ["with half a message after one", 12, "UNIMPLEMENTED", [framed("one"), Buffer.from([0])]],
  ["without a message", 12, "UNIMPLEMENTED", []],
  ["with nothing before its end", 12, "UNIMPLEMENTED", [NOTHING]],
  ["with half a head", 12, "UNIMPLEMENTED", [Buffer.from([0, 0, 0])]],
  ["with half a message", 12, "UNIMPLEMENTED", [framed("hello").subarray(0, 8)]],
  ["with what cannot be decoded", 3, "INVALID_ARGUMENT", [framed("undecodable")]],
  ["with too large an answer", 3, "INVALID_ARGUMENT", [framed("large")]],
  ["that has no time left", 4, "DEADLINE_EXCEEDED", [framed("never")], { "grpc-timeout": "5m" }],
  [
    "whose time makes no sense",
    3,
    "INVALID_ARGUMENT",
    [framed("hello")],
    { "grpc-timeout": "soon" },
  ],
];

describe("a call is served by our transport as grpc-js serves it", () => {
  test.each(EQUAL)("%s", async (_what, pieces, headers) => {
    const expected = await exchange(theirs, pieces, headers);
    expect(await exchange(ours, pieces, headers)).toEqual(expected);
    expect(expected).toHaveProperty("headers");
  });

  test.each(EQUAL_STREAMS)("a stream %s", async (_what, pieces, headers) => {
    const expected = await exchange(theirs, pieces, { ...chatting, ...headers });
    expect(await exchange(ours, pieces, { ...chatting, ...headers })).toEqual(expected);
    expect(expected).toHaveProperty("headers");
  });

  test.each(["0", "3", "2000", "fail"])("a list of %s", async (count) => {
    const expected = await exchange(theirs, [framed(count)], listing);
    expect(await exchange(ours, [framed(count)], listing)).toEqual(expected);
    expect(expected).toHaveProperty("headers");
  });

  test.each(OURS)("but %s: code %i, %s", async (_what, code, reason, pieces, headers) => {
    const { headers: first, trailers, body } = await exchange(ours, pieces, headers);
    expect({ ...first, ...trailers, body }).toMatchObject({
      ":status": 200,
      "grpc-status": String(code),
      "grpc-message": reason,
      body: "",
    });
  });

  test.each([
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text; charset=utf-8",
    "application/grpcx",
    "",
  ])("but the content type %j is not of gRPC: 415", async (type) => {
    const before = seen.ours.ours;
    const answer = await exchange(ours, [framed("hello")], { "content-type": type });
    expect(answer).toMatchObject({ headers: { ":status": 415 }, body: "" });
    expect(seen.ours.ours).toBe(before);
  });

  test.each(["application/grpc;charset=utf-8", "application/grpc ; x=y"])(
    "and the content type %j is",
    async (type) => {
      const { trailers } = await exchange(ours, [framed("hello")], { "content-type": type });
      expect(trailers).toMatchObject({ "grpc-status": "0" });
    },
  );

  test("and it is indeed ours", async () => {
    const before = seen.ours.ours;
    expect(await exchange(ours, [framed("hello")])).toMatchObject({
      trailers: { "grpc-status": "0" },
      body: framed("heard 5 hello").toString(),
    });
    expect(seen.ours.ours).toBe(before + 1);
    await exchange(ours, [framed(gzipSync("hello"), 1)], { "grpc-encoding": "gzip" });
    await exchange(ours, [framed("hello")], chatting);
    expect(seen.ours.ours).toBe(before + 3);
  });

  test("handlers are not shown what belongs to the protocol", async () => {
    const { body } = await exchange(ours, [framed("names")], {
      "x-test": "a",
      "user-agent": "me",
      "grpc-timeout": "5S",
      "grpc-accept-encoding": "gzip",
    });
    expect(body.slice(5)).toBe("user-agent x-test");
  });

  test.each(["ours", "theirs"] as const)(
    "the handler hears when the caller goes away: %s",
    async (who) => {
      const side = who === "ours" ? ours : theirs;
      const { cancelled: before, working } = seen[who];
      const stream = open(side.session, {});
      stream.on("error", () => {});
      stream.end(framed("never"));
      await waitUntil("the handler has it", () => seen[who].working === working + 1);
      stream.close(8);
      await waitUntil("it has heard", () => seen[who].cancelled === before + 1);
    },
  );
});
