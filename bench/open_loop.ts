import { type ClientHttp2Session, connect } from "node:http2";
import { frame } from "./grpc_frames.js";

/** One question, and what becomes of its answer. */
export interface Question {
  readonly message: Uint8Array;
  /** Receives the message of the answer, or undefined if the call failed. */
  readonly done: (answer: Buffer | undefined) => void;
}

export interface Load {
  readonly port: number;
  readonly path: string;
  /** The next question; undefined: there is none to ask now. */
  readonly next: () => Question | undefined;
  readonly timeoutMs: number;
}

/** What became of the calls of a run. */
export interface Outcome {
  /** OK answers a second, of those that came while calls were sent. */
  readonly goodput: number;
  /** Milliseconds of each call that was answered OK. */
  readonly latencies: readonly number[];
  /** Calls by gRPC status, with the reason where the status is shared. */
  readonly statuses: ReadonlyMap<string, number>;
}

const CONNECTIONS = 8;
const TICK_MS = 5;
/** Answers of the first part of a run are not counted: it warms up. */
const WARM_UP_PART = 0.25;
const SHARED = ["OVERLOADED", "TOO_MANY_ATTEMPTS", "SESSION_LIMIT_EXCEEDED"];

const statusOf = (trailers: Record<string, unknown>): string => {
  const code = String(trailers["grpc-status"] ?? "none");
  if (code !== "8") return code;
  const details = Buffer.from(String(trailers["grpc-status-details-bin"] ?? ""), "base64");
  return `${code} ${SHARED.find((reason) => details.includes(reason)) ?? ""}`;
};

const ask = (
  session: ClientHttp2Session,
  { path, timeoutMs }: Load,
  { message, done }: Question,
  over: (status: string) => void,
): void => {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    "grpc-timeout": `${timeoutMs}m`,
    te: "trailers",
  });
  const parts: Buffer[] = [];
  let status = "none";
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("response", (headers) => {
    if (headers["grpc-status"] !== undefined) status = statusOf(headers);
  });
  stream.on("trailers", (trailers) => {
    status = statusOf(trailers);
  });
  stream.on("error", () => undefined);
  stream.on("close", () => {
    done(status === "0" ? Buffer.concat(parts).subarray(5) : undefined);
    over(status);
  });
  stream.end(frame(message));
};

const openSessions = (port: number): ClientHttp2Session[] =>
  Array.from({ length: CONNECTIONS }, () =>
    connect(`http://127.0.0.1:${port}`, { peerMaxConcurrentStreams: 100_000 }).on(
      "error",
      () => undefined,
    ),
  );

/** Calls that arrive at a steady rate, whether answers come or not, for so many seconds; then waits for the answers. */
export const openLoop = async (
  load: Load,
  perSecond: number,
  seconds: number,
): Promise<Outcome> => {
  const sessions = openSessions(load.port);
  const statuses = new Map<string, number>();
  const latencies: number[] = [];
  const startedAt = performance.now();
  const countFrom = startedAt + WARM_UP_PART * seconds * 1000;
  const endsAt = startedAt + seconds * 1000;
  let sent = 0;
  let open = 0;
  let good = 0;
  await new Promise<void>((resolve) => {
    const send = (): void => {
      const question = load.next();
      sent += 1;
      if (question === undefined) return;
      open += 1;
      const sentAt = performance.now();
      ask(sessions[sent % CONNECTIONS] as ClientHttp2Session, load, question, (status) => {
        const now = performance.now();
        open -= 1;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status !== "0" || now < countFrom) return;
        latencies.push(now - sentAt);
        if (now < endsAt) good += 1;
      });
    };
    const timer = setInterval(() => {
      const now = performance.now();
      if (now < endsAt) {
        const due = Math.floor(((now - startedAt) / 1000) * perSecond);
        while (sent < due) send();
      } else if (open === 0) {
        clearInterval(timer);
        resolve();
      }
    }, TICK_MS);
  });
  for (const session of sessions) session.close();
  return { goodput: (1000 * good) / (endsAt - countFrom), latencies, statuses };
};

/** As many calls at once all the time. Resolves to the answers a second. */
export const closedLoop = async (load: Load, atOnce: number, seconds: number): Promise<number> => {
  const sessions = openSessions(load.port);
  const startedAt = performance.now();
  const countFrom = startedAt + WARM_UP_PART * seconds * 1000;
  const endsAt = startedAt + seconds * 1000;
  let good = 0;
  let turn = 0;
  const lane = (): Promise<void> =>
    new Promise((resolve) => {
      const again = (): void => {
        const question = performance.now() < endsAt ? load.next() : undefined;
        if (question === undefined) {
          resolve();
          return;
        }
        turn += 1;
        ask(sessions[turn % CONNECTIONS] as ClientHttp2Session, load, question, (status) => {
          const now = performance.now();
          if (status === "0" && now >= countFrom && now < endsAt) good += 1;
          again();
        });
      };
      again();
    });
  await Promise.all(Array.from({ length: atOnce }, lane));
  for (const session of sessions) session.close();
  return (1000 * good) / (endsAt - countFrom);
};
