import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createFaultyLink } from "./faulty_link.js";

/**
 * Where a Postgres falls silent for everybody:
 * - `work`: right after a transaction has begun.
 * - `commit`: a COMMIT is on its way and is delivered when the stall ends.
 * - `answer`: a COMMIT was delivered and carried out; its answer is on its way.
 */
export type StallPoint = "work" | "commit" | "answer";
export const STALL_POINTS: readonly StallPoint[] = ["work", "commit", "answer"];

/** A network before a Postgres that stalls at a chosen point of the next transaction. */
export interface CommitStall {
  urlFor(url: string): string;
  /** Stalls once, at the next transaction that comes to `point`. Resolves when it has begun. */
  stallAt(point: StallPoint): Promise<void>;
  /** Delivers everything that was held. */
  release(): void;
  close(): Promise<void>;
}

/** knex sends them as simple queries of exactly these texts. */
const BEGIN = Buffer.from("BEGIN;");
const COMMIT = Buffer.from("COMMIT;");

export const startCommitStall = async (target: {
  readonly host: string;
  readonly port: number;
}): Promise<CommitStall> => {
  const requests = createFaultyLink();
  const answers = createFaultyLink();
  const sockets = new Set<Socket>();
  let armed: { readonly point: StallPoint; readonly begin: () => void } | undefined;

  const hold = (): void => {
    const { begin } = armed ?? {};
    armed = undefined;
    requests.hold();
    answers.hold();
    begin?.();
  };
  const forward = (chunk: Buffer, upstream: Socket): void => {
    const deliver = () => upstream.writable && upstream.write(chunk);
    if (armed?.point === "commit" && chunk.includes(COMMIT)) hold();
    requests.carry(deliver);
    if (armed?.point === "answer" && chunk.includes(COMMIT)) hold();
    if (armed?.point === "work" && chunk.includes(BEGIN)) hold();
  };
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true).on("error", () => undefined);
    return socket.on("close", () => sockets.delete(socket));
  };

  const server = createServer((socket) => {
    const client = track(socket);
    const upstream = track(connect(target));
    client.on("data", (chunk) => forward(chunk, upstream));
    upstream.on("data", (chunk) => answers.carry(() => client.writable && client.write(chunk)));
    client.on("close", () => requests.carry(() => upstream.destroy()));
    upstream.on("close", () => answers.carry(() => client.destroy()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");

  const release = (): void => {
    armed = undefined;
    requests.release();
    answers.release();
  };
  return {
    urlFor(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${address.port}`;
      return changed.href;
    },
    stallAt: (point) =>
      new Promise((begin) => {
        armed = { point, begin };
      }),
    release,
    async close() {
      release();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};
