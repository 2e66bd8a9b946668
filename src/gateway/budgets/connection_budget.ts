import type { Server } from "node:http";
import type { Socket } from "node:net";
import { sourceOf } from "../../core/caller/source.js";
import type { IsTrustedProxy } from "../client_address.js";
import type { OnRefused } from "./refusal.js";

/** How many connections a server takes. */
export interface ConnectionLimits {
  /** Connections that have shown no good credential yet: of all sources, and of one. */
  readonly anonymousConnections: number;
  readonly anonymousConnectionsPerSource: number;
  /** Connections that have; beyond these they count among the others. */
  readonly provenConnections: number;
}

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  readonly source: string;
  /** Requests that are not yet answered. */
  requests: number;
  isProven: boolean;
}

/** The connections of a server (D8). */
export interface ConnectionBudget {
  /** The peer as the connection was accepted: after a reset Node no longer knows it (D9). */
  peerOf(socket: Socket): string | undefined;
  /** A good credential was shown on the connection. */
  prove(socket: Socket): void;
}

/**
 * Bounds the connections of a server. A new connection is always accepted: when there are too many without a good
 * credential, one of these is closed instead, first one without a request, the oldest first. Strangers compete only
 * with each other. Connections of trusted proxies carry requests of many clients, and are not counted.
 *
 * @param name the name of the limits in the metrics
 */
export const boundConnections = (
  server: Server,
  limits: ConnectionLimits,
  isTrusted: IsTrustedProxy,
  onRefused: OnRefused,
  name = "http_connections",
): ConnectionBudget => {
  const all = new WeakMap<Socket, Connection>();
  /** Without a good credential; those used least recently come first. */
  const anonymous = new Set<Connection>();
  const bySource = new Map<string, Set<Connection>>();
  let proven = 0;

  const remove = (connection: Connection): void => {
    if (!anonymous.delete(connection)) return;
    const ofSource = bySource.get(connection.source);
    ofSource?.delete(connection);
    if (ofSource?.size === 0) bySource.delete(connection.source);
  };

  const evict = (from: ReadonlySet<Connection>, limit: string): void => {
    let victim: Connection | undefined;
    for (const connection of from) {
      victim ??= connection;
      if (connection.requests > 0) continue;
      victim = connection;
      break;
    }
    if (victim === undefined) return;
    onRefused("budget", limit);
    remove(victim);
    victim.socket.destroy();
  };

  const add = (connection: Connection): void => {
    const ofSource = bySource.get(connection.source) ?? new Set();
    if (ofSource.size >= limits.anonymousConnectionsPerSource)
      evict(ofSource, `${name}_per_source`);
    if (anonymous.size >= limits.anonymousConnections) evict(anonymous, name);
    bySource.set(connection.source, ofSource.add(connection));
    anonymous.add(connection);
  };

  server.prependListener("connection", (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const source = sourceOf(address);
    const connection = { socket, address, source, requests: 0, isProven: false };
    all.set(socket, connection);
    if (isTrusted(address)) return;
    add(connection);
    socket.once("close", () => {
      remove(connection);
      if (connection.isProven) proven -= 1;
    });
  });
  server.prependListener("request", ({ socket }, response) => {
    const connection = all.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    response.once("close", () => {
      connection.requests -= 1;
      // Used last: behind the others.
      if (anonymous.delete(connection)) anonymous.add(connection);
    });
  });

  return {
    peerOf: (socket) => all.get(socket)?.address ?? socket.remoteAddress,
    prove(socket) {
      const connection = all.get(socket);
      if (connection === undefined || !anonymous.has(connection)) return;
      if (proven >= limits.provenConnections) return;
      proven += 1;
      connection.isProven = true;
      remove(connection);
    },
  };
};
