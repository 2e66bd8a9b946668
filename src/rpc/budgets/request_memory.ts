import type { CurfewError } from "../../core/errors.js";
import type { Connection } from "./connection.js";
import { FairQueue } from "./fair_queue.js";
import { overBudget, queueFull, sourceOverBudget } from "./refusal.js";

/** How many bytes of requests a server holds at once. */
export interface MemoryLimits {
  /** Of all calls together. */
  readonly requestBytes: number;
  /** Of calls without credentials, of all and of one connection. */
  readonly anonymousRequestBytes: number;
  readonly anonymousRequestBytesPerConnection: number;
  /** Large requests that are worked on at once, and that wait for their turn. */
  readonly largeRequests: number;
  readonly waitingRequests: number;
}

/**
 * The memory of requests, and the turns of large ones (D8). What does not fit is
 * not read, so that HTTP/2's flow control holds it back; a caller without
 * credentials is refused instead.
 */
export class RequestMemory {
  readonly #bytes: FairQueue<Connection>;
  readonly #turns: FairQueue<Connection>;
  #anonymousBytes = 0;

  constructor(private readonly limits: MemoryLimits) {
    this.#bytes = new FairQueue(limits.requestBytes, limits.waitingRequests);
    // One large request in a turn of the event loop: the others have it in between.
    this.#turns = new FairQueue(limits.largeRequests, limits.waitingRequests, setImmediate);
  }

  /** Takes memory of a call without credentials. @returns why there is none */
  takeAnonymous(connection: Connection, bytes: number): CurfewError | undefined {
    const { anonymousRequestBytes, anonymousRequestBytesPerConnection } = this.limits;
    if (this.#anonymousBytes + bytes > anonymousRequestBytes)
      return overBudget("anonymous_request_bytes");
    if (
      !connection.isShared &&
      connection.anonymousBytes + bytes > anonymousRequestBytesPerConnection
    )
      return sourceOverBudget("request_bytes_per_connection");
    this.#anonymousBytes += bytes;
    connection.anonymousBytes += bytes;
    return undefined;
  }

  giveAnonymous(connection: Connection, bytes: number): void {
    this.#anonymousBytes -= bytes;
    connection.anonymousBytes -= bytes;
  }

  /** Takes memory if there is some; else `wait` for it. */
  tryTake(bytes: number): boolean {
    return this.#bytes.tryTake(bytes);
  }

  /** @returns why there is none to wait for */
  wait(connection: Connection, bytes: number, run: () => void): CurfewError | undefined {
    return this.#bytes.wait(connection, bytes, run) ? undefined : queueFull("request_bytes");
  }

  give(bytes: number): void {
    this.#bytes.give(bytes);
  }

  /** Calls back when it is the turn of a large request. @returns why it gets none */
  takeTurn(connection: Connection, run: () => void): CurfewError | undefined {
    if (this.#turns.tryTake(1)) {
      run();
      return undefined;
    }
    return this.#turns.wait(connection, 1, run) ? undefined : queueFull("large_requests");
  }

  giveTurn(): void {
    this.#turns.give(1);
  }
}
