import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { gzipSync } from "node:zlib";
import {
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { internalsOf } from "../../../src/rpc/grpc_internals.js";
import { takeUnaryCalls } from "../../../src/rpc/unary_calls.js";
import { UnaryTransport } from "../../../src/rpc/unary_transport.js";
import { waitUntil } from "../../support/wait_until.js";

const PATH = "/test.Echo/Echo";
const MESSAGE_BYTES = 100_000;

const METHOD = {
  path: PATH,
  requestStream: false,
  responseStream: false,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
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

/** What the message asks for. */
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

/** Refuses a call before anything of its request is read, if it asks for it. */
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
  if (who === "ours")
    takeUnaryCalls(
      internalsOf(server),
      (_path, call) => {
        if (call instanceof UnaryTransport) seen.ours.ours += 1;
        return refusing(METHOD, call);
      },
      MESSAGE_BYTES,
    );
  server.register(
    PATH,
    (call: ServerUnaryCall<string, string>, callback: Parameters<typeof answer>[2]) =>
      answer(who, call, callback),
    (text: string) => Buffer.from(text),
    (bytes) => {
      if (bytes.toString() === "undecodable") throw new Error("not a message");
      return bytes.toString();
    },
    "unary",
  );
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
  const told: Record<string, unknown> = {};
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

describe("a unary call is served by our transport as grpc-js serves it", () => {
  test.each<[string, Buffer[], OutgoingHttpHeaders?]>([
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
    ["with a message too large", [framed("z".repeat(MESSAGE_BYTES + 1))]],
    ["with two messages in one piece", [Buffer.concat([framed("one"), framed("two")])]],
    ["with two messages", [framed("one"), framed("two")]],
    ["without a message", []],
    ["with nothing before its end", [NOTHING]],
    ["with half a head", [Buffer.from([0, 0, 0])]],
    ["with half a message", [framed("hello").subarray(0, 8)]],
    ["with what cannot be decoded", [framed("undecodable")]],
    ["that says it is compressed and is not", [framed("hello", 1)]],
    ["that is compressed", [framed(gzipSync("hello"), 1)], { "grpc-encoding": "gzip" }],
    ["that is said not to be compressed", [framed("hello")], { "grpc-encoding": "identity" }],
    ["compressed by something unknown", [framed("hello", 1)], { "grpc-encoding": "snappy" }],
    ["that fails", [framed("fail")]],
    ["that fails after its headers", [framed("headers, then fail")]],
    ["that is refused before it is read", [LONG, LONG, LONG], { "x-refuse": "yes" }],
    ["answered with trailers", [framed("trailers")]],
    ["answered with headers first", [framed("headers")]],
    ["with too large an answer", [framed("large")]],
    ["that has all the time", [framed("hello")], { "grpc-timeout": "99999999H" }],
    ["that has time", [framed("deadline")], { "grpc-timeout": "5S" }],
    ["that has no time limit", [framed("deadline")]],
    ["that has no time left", [framed("never")], { "grpc-timeout": "5m" }],
    ["whose time makes no sense", [framed("hello")], { "grpc-timeout": "soon" }],
    ["that is not gRPC", [framed("hello")], { "content-type": "application/json" }],
    ["of another kind of gRPC", [framed("hello")], { "content-type": "application/grpc+json" }],
    ["with metadata", [framed("metadata")], { "x-test": "a, b" }],
    ["with metadata twice", [framed("metadata")], { "x-test": ["a", "b"] }],
    ["with metadata in bytes", [framed("bytes")], { "x-test-bin": "AQID,BAUG" }],
    ["with no metadata of that name", [framed("metadata")]],
    ["from here", [framed("peer")]],
    ["to here", [framed("host")]],
  ])("%s", async (_what, pieces, headers) => {
    const expected = await exchange(theirs, pieces, headers);
    expect(await exchange(ours, pieces, headers)).toEqual(expected);
    expect(expected).toHaveProperty("headers");
  });

  test("and it is indeed ours", async () => {
    const before = seen.ours.ours;
    expect(await exchange(ours, [framed("hello")])).toMatchObject({
      trailers: { "grpc-status": "0" },
      body: framed("heard 5 hello").toString(),
    });
    expect(seen.ours.ours).toBe(before + 1);
    await exchange(ours, [framed(gzipSync("hello"), 1)], { "grpc-encoding": "gzip" });
    expect(seen.ours.ours).toBe(before + 1);
  });

  test("but what comes after the message is refused, also if it is no whole one", async () => {
    const pieces = [framed("one"), Buffer.from([0])];
    expect(await exchange(ours, pieces)).toMatchObject({ headers: { "grpc-status": "12" } });
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
