import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { frameCounter, splitFrames } from "./grpc_frames.js";

/**
 * A client in a separate process that sends prepared messages and only counts the answers. Prints its counts as JSON.
 */
export interface LoadClientOptions {
  readonly port: number;
  readonly path: string;
  /** A file of gRPC frames, sent in turn. */
  readonly frames: string;
  /** `calls`: one message a call; `streams`: all messages on calls that stay open. */
  readonly mode: "calls" | "streams";
  readonly connections: number;
  readonly streams: number;
  /** Messages of one stream that wait for their answers at most. */
  readonly window: number;
  readonly seconds: number;
}

export interface LoadClientResult {
  readonly perSecond: number;
  readonly failed: number;
  /** Share of one processor that this client used. */
  readonly processor: number;
}

const WARM_UP_MS = 1000;

const options = JSON.parse(process.argv[2] ?? "{}") as LoadClientOptions;
const frames = splitFrames(readFileSync(options.frames));
let next = Math.floor(Math.random() * frames.length);
let answers = 0;
let failed = 0;
let over = false;

const nextFrame = (): Buffer => {
  next = (next + 1) % frames.length;
  return frames[next] as Buffer;
};

const headers = {
  ":method": "POST",
  ":path": options.path,
  "content-type": "application/grpc",
  te: "trailers",
};

/** One call after the other. */
const call = (session: ClientHttp2Session): void => {
  if (over) return;
  const stream = session.request(headers);
  stream.on("trailers", (trailers) => {
    if (Number(trailers["grpc-status"]) === 0) answers += 1;
    else failed += 1;
  });
  stream.on("error", () => undefined);
  stream.on("close", () => call(session));
  stream.resume();
  stream.end(nextFrame());
};

/** Field 3 of StreamValidateTokensResponse is the error; the ids before it have less than 128 bytes. */
const isRefusal = (message: Buffer): boolean => message[2 + (message[1] ?? 0)] === 0x1a;

/** Keeps so many questions open on one stream; what one turn allows goes out as one write. */
const converse = (session: ClientHttp2Session): void => {
  const stream = session.request(headers);
  let scheduled = false;
  let allowed = options.window;
  const send = (): void => {
    scheduled = false;
    if (over) return;
    const batch: Buffer[] = [];
    for (; allowed > 0; allowed -= 1) batch.push(nextFrame());
    stream.write(Buffer.concat(batch));
  };
  stream.on("error", () => {
    failed += over ? 0 : 1;
  });
  stream.on("trailers", (trailers) => {
    failed += Number(trailers["grpc-status"]) === 0 ? 0 : 1;
  });
  const count = frameCounter((message) => {
    answers += 1;
    allowed += 1;
    if (isRefusal(message)) failed += 1;
  });
  stream.on("data", (chunk: Buffer) => {
    count(chunk);
    if (scheduled) return;
    scheduled = true;
    setImmediate(send);
  });
  send();
};

for (let connection = 0; connection < options.connections; connection++) {
  const session = connect(`http://127.0.0.1:${options.port}`, {
    settings: { initialWindowSize: 1 << 20 },
  });
  session.on("connect", () => {
    session.setLocalWindowSize(1 << 24);
    for (let each = 0; each < options.streams; each++)
      if (options.mode === "calls") call(session);
      else converse(session);
  });
}

setTimeout(() => {
  answers = 0;
  const startedAt = performance.now();
  const before = process.cpuUsage();
  setTimeout(() => {
    over = true;
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(before);
    const result: LoadClientResult = {
      perSecond: (1000 * answers) / elapsedMs,
      failed,
      processor: (user + system) / 1000 / elapsedMs,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  }, 1000 * options.seconds);
}, WARM_UP_MS);
