import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createFaultyLink, type FaultyLink } from "./faulty_link.js";

export interface TcpTarget {
  readonly host?: string;
  readonly port: number;
}

/** The direction that `hang` stops: data from clients, data from the target, or both. */
export type HungDirection = "requests" | "answers" | "both";

/** A network between a client and a server that can be broken. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** `url` with the proxy's host and port in the place of its own. */
  urlFor(url: string): string;
  /** Resets all connections, and every new one, until `restore`. */
  cut(): void;
  /**
   * Holds all data back, as a dead route does, until `restore` delivers it. With `answers` the target still receives
   * and executes requests, but its answers do not arrive.
   */
  hang(direction?: HungDirection): void;
  /** Delivers everything `milliseconds` late, each way, until changed; 0 ends it. */
  delay(milliseconds: number): void;
  /** Ends `cut`, `hang` and `delay`. */
  restore(): void;
  /** Connections that clients have open now. */
  connectionCount(): number;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1 that forwards to `target`. */
export async function startTcpProxy(target: TcpTarget): Promise<TcpProxy> {
  const targetHost = target.host ?? "127.0.0.1";
  const requests = createFaultyLink();
  const answers = createFaultyLink();
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let isCut = false;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (isCut) {
      client.on("error", ignore).resetAndDestroy();
      return;
    }
    const upstream = connect({ host: targetHost, port: target.port, allowHalfOpen: true });
    track(client, clients);
    track(upstream, upstreams);
    join(client, upstream, requests);
    join(upstream, client, answers);
  });
  const port = await listen(server);

  const resetAll = () => {
    for (const link of [requests, answers]) link.clear();
    for (const socket of [...clients, ...upstreams]) reset(socket);
  };
  return {
    host: "127.0.0.1",
    port,
    urlFor(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
    cut() {
      isCut = true;
      resetAll();
    },
    hang(direction = "both") {
      if (direction !== "answers") requests.hold();
      if (direction !== "requests") answers.hold();
    },
    delay(milliseconds) {
      requests.delay(milliseconds);
      answers.delay(milliseconds);
    },
    restore() {
      isCut = false;
      for (const link of [requests, answers]) {
        link.delay(0);
        link.release();
      }
    },
    connectionCount: () => clients.size,
    async close() {
      resetAll();
      server.close();
      await once(server, "close");
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("The proxy has no TCP port.");
  return address.port;
}

/** Sends all that `from` reads to `to` over `link`; the end of one is the end of the other. */
function join(from: Socket, to: Socket, link: FaultyLink): void {
  from.setNoDelay(true);
  from.on("data", (chunk) => link.carry(() => to.writable && to.write(chunk)));
  from.on("end", () => link.carry(() => to.end()));
  from.on("error", ignore);
  from.on("close", () => {
    // After a clean end both sides have said goodbye already.
    if (from.errored || !from.readableEnded) link.carry(() => reset(to));
  });
}

/** A socket that has said goodbye cannot be reset: Node would keep its handle open for good. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function track(socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  socket.on("close", () => open.delete(socket));
}

function ignore(): void {
  // The close event that follows reports the error to the other side.
}
