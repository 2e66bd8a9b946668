import { constants, type Http2Session, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { sourceOf } from "../../core/caller/source.js";
import { Connection, type ProvenCaller } from "./connection.js";
import type { OnRefused } from "./refusal.js";

/** How many connections a server takes, and how long those of strangers may be of no use. */
export interface ConnectionLimits {
  readonly connections: number;
  /** Connections that have shown no good credential yet: of all sources, and of one. */
  readonly anonymousConnections: number;
  readonly anonymousConnectionsPerSource: number;
  /** Connections whose credentials are users' tokens; the rest is for services. */
  readonly sessionConnections: number;
  /** Milliseconds for TLS, the preface and the settings, and then between calls without credentials. */
  readonly handshakeMs: number;
  readonly anonymousIdleMs: number;
}

const SWEEP_MS = 1000;
/** The bytes that a peer may send of a request that is not being read yet. */
export const ANONYMOUS_WINDOW_BYTES = 16 * 1024;
const PROVEN_WINDOW_BYTES = 64 * 1024 - 1;

/**
 * The connections of a server (D8). A newcomer is always taken in: when there
 * are too many without a good credential, the one that was used least recently
 * is cut off instead. So strangers compete with each other only.
 */
export class Connections {
  readonly #byAddress = new Map<string, Connection>();
  readonly #bySession = new WeakMap<Http2Session, Connection>();
  readonly #all = new Set<Connection>();
  /** Without a good credential, in the order they came. */
  readonly #anonymous = new Set<Connection>();
  readonly #bySource = new Map<string, Set<Connection>>();
  #sessionConnections = 0;
  readonly #sweep: NodeJS.Timeout;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly isProxy: (address: string) => boolean,
    private readonly onRefused: OnRefused,
  ) {
    this.#sweep = setInterval(() => this.#endUseless(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** A socket of a listener that others can reach. */
  accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) {
      // The peer has already reset it. An unknown peer is never trusted (D9).
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, sourceOf(remoteAddress), this.isProxy(remoteAddress));
    this.#all.add(connection);
    const key = `${remoteAddress}|${remotePort}`;
    this.#byAddress.set(key, connection);
    socket.once("close", () => {
      if (this.#byAddress.get(key) === connection) this.#byAddress.delete(key);
      this.#forget(connection);
    });
    if (!connection.isShared) this.#addAnonymous(connection);
  }

  /** An HTTP/2 session begins. @param isOurs whether only our own gateway can reach the listener */
  attach(session: ServerHttp2Session, isOurs: boolean): void {
    const { socket } = session;
    const connection = isOurs
      ? new Connection(socket, "", true, true)
      : this.#byAddress.get(`${socket.remoteAddress ?? ""}|${socket.remotePort}`);
    if (connection === undefined) {
      session.destroy();
      return;
    }
    connection.session = session;
    this.#bySession.set(session, connection);
    if (isOurs) {
      this.#all.add(connection);
      session.once("close", () => this.#all.delete(connection));
    }
    if (connection.isShared) widen(session);
    let missing = 2;
    const exchanged = (): void => {
      missing -= 1;
      connection.isReady = missing === 0;
    };
    session.once("remoteSettings", exchanged);
    session.once("localSettings", exchanged);
  }

  /** The connection of a session; undefined: it is over. */
  of(session: Http2Session | undefined): Connection | undefined {
    return session && this.#bySession.get(session);
  }

  /** A good credential was shown: the connection leaves the budgets of strangers, if there is room for it. */
  prove(connection: Connection, by: ProvenCaller): void {
    if (connection.isShared || connection.provenBy === by || connection.provenBy === "service")
      return;
    if (!this.#anonymous.has(connection) && connection.provenBy === undefined) return;
    if (by === "session") {
      if (this.#sessionConnections >= this.limits.sessionConnections) return;
      this.#sessionConnections += 1;
    } else if (connection.provenBy === "session") this.#sessionConnections -= 1;
    const isFirst = connection.provenBy === undefined;
    connection.provenBy = by;
    if (!isFirst) return;
    this.#removeAnonymous(connection);
    if (connection.session) widen(connection.session);
  }

  destroyAll(): void {
    clearInterval(this.#sweep);
    for (const connection of this.#all) {
      if (connection.session) connection.session.destroy(undefined, constants.NGHTTP2_CANCEL);
      else connection.destroy();
    }
  }

  #addAnonymous(connection: Connection): void {
    const ofSource = this.#bySource.get(connection.source) ?? new Set();
    this.#bySource.set(connection.source, ofSource);
    const { anonymousConnections, anonymousConnectionsPerSource, connections } = this.limits;
    if (ofSource.size >= anonymousConnectionsPerSource)
      this.#evict(ofSource, "connections_per_source");
    if (this.#anonymous.size >= anonymousConnections || this.#all.size > connections)
      this.#evict(this.#anonymous, "connections");
    this.#bySource.set(connection.source, ofSource.add(connection));
    this.#anonymous.add(connection);
  }

  /** First one whose peer says nothing, then one without a call, then any. */
  #evict(from: Iterable<Connection>, limit: string): void {
    let idle: Connection | undefined;
    let least: Connection | undefined;
    let silent: Connection | undefined;
    for (const connection of from) {
      if (!connection.isReady) {
        silent ??= connection;
        break;
      }
      if (connection.calls === 0 && (idle?.lastUsedAt ?? Infinity) > connection.lastUsedAt)
        idle = connection;
      if ((least?.lastUsedAt ?? Infinity) > connection.lastUsedAt) least = connection;
    }
    const victim = silent ?? idle ?? least;
    if (victim === undefined) return;
    this.onRefused("budget", limit);
    this.#removeAnonymous(victim);
    victim.destroy();
  }

  #removeAnonymous(connection: Connection): void {
    if (!this.#anonymous.delete(connection)) return;
    const ofSource = this.#bySource.get(connection.source);
    ofSource?.delete(connection);
    if (ofSource?.size === 0) this.#bySource.delete(connection.source);
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    this.#removeAnonymous(connection);
    if (connection.provenBy === "session") this.#sessionConnections -= 1;
  }

  /** Ends connections whose handshake takes too long, and those that no call uses. */
  #endUseless(): void {
    const now = performance.now();
    const { handshakeMs, anonymousIdleMs } = this.limits;
    for (const connection of this.#anonymous) {
      if (!connection.isReady && now - connection.acceptedAt > handshakeMs) {
        this.onRefused("budget", "handshake_time");
        connection.destroy();
      } else if (connection.calls === 0 && now - connection.lastUsedAt > anonymousIdleMs)
        connection.session?.close();
    }
  }
}

/** Lets the peer send more of a request ahead of its being read. */
const widen = (session: ServerHttp2Session): void => {
  if (!session.destroyed && !session.closed)
    session.settings({ initialWindowSize: PROVEN_WINDOW_BYTES });
};
