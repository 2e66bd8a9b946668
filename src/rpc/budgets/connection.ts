import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/** The kind of caller that has shown a good credential on a connection. */
export type ProvenCaller = "session" | "service";

export interface PeerAddress {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** One connection, from the moment it is accepted. */
export class Connection {
  /** As it was when the connection was accepted: Node forgets it when the peer resets. */
  readonly address: PeerAddress;
  session: ServerHttp2Session | undefined;
  /** Whether both sides have exchanged and acknowledged their settings. */
  isReady = false;
  provenBy: ProvenCaller | undefined;
  /** Calls that are open. */
  calls = 0;
  /** Request bytes that are held for calls without credentials. */
  anonymousBytes = 0;
  /** On the clock of `performance.now`. */
  readonly acceptedAt = performance.now();
  lastUsedAt = this.acceptedAt;

  constructor(
    private readonly socket: Socket,
    /** The source that budgets count, see sourceOf. */
    readonly source: string,
    /** Whether the connection carries calls of many sources: that of our own gateway, or of a trusted proxy. */
    readonly isShared: boolean,
    /** Whether it came over the listener that only our own gateway can reach. */
    readonly isGateway = false,
  ) {
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    this.address = { localAddress, localPort, remoteAddress, remotePort };
  }

  beginCall(): void {
    this.calls += 1;
  }

  endCall(): void {
    this.calls -= 1;
    if (this.provenBy === undefined) this.lastUsedAt = performance.now();
  }

  /** Cuts the connection off. */
  destroy(): void {
    if (this.session === undefined) this.socket.destroy();
    else this.session.destroy();
  }
}
