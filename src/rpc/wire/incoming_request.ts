import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { CurfewError, fail } from "../../core/errors.js";
import type { Connection } from "../budgets/connection.js";
import { malformed } from "../budgets/refusal.js";
import type { RequestMemory } from "../budgets/request_memory.js";
import { MessageReader } from "./message_reader.js";
import type { ServedMethod } from "./served_method.js";

/** A method and what its requests may use. */
export interface RequestMethod extends ServedMethod {
  /** Most bytes of one message. */
  readonly requestBytes: number;
}

/** Receives the events of a request, one for each `read`. */
export interface RequestSink {
  onMessage(message: unknown): void;
  /** The caller sends no further messages. */
  onEnd(): void;
  onFailure(failure: CurfewError): void;
}

/** From this size on requests take turns. */
const LARGE_REQUEST_BYTES = 32 * 1024;

/**
 * The messages of one call's request. The HTTP/2 stream is not read before `read`, so that flow control holds back the
 * rest of the request. A message is decoded only when there is memory for it and, if it is large, when it is its turn.
 */
export class IncomingRequest {
  /** Whether the caller's credential is good: its messages may wait for memory. */
  isTrusted: boolean;
  /** Whether all of the request has come. */
  isComplete = false;

  readonly #reader: MessageReader;
  readonly #isSingleRequest: boolean;
  #isReading = false;
  #isOver = false;
  /** The bytes taken from `memory`, and their owner. */
  #takenBytes = 0;
  #isTakenFromAnonymous = false;
  /** Whether memory is taken for the message under way, whether it is its turn, or either is waited for. */
  #hasMemory = false;
  #hasTurn = false;
  #isWaiting = false;
  #messages = 0;
  /** Whether the sink waits for the next event. */
  #isWanted = false;
  #isDelivering = false;

  constructor(
    private readonly stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    private readonly method: RequestMethod,
    private readonly connection: Connection,
    private readonly memory: RequestMemory,
    private readonly sink: RequestSink,
  ) {
    this.isTrusted = connection.provenBy === "service";
    this.#isSingleRequest = method.type === "unary" || method.type === "serverStream";
    const encoding = headers["grpc-encoding"];
    this.#reader = new MessageReader(
      encoding === undefined ? "identity" : String(encoding),
      method.requestBytes,
    );
  }

  /** Requests the next message, or the end. */
  read(): void {
    this.#isWanted = true;
    if (this.#isReading) {
      this.#deliver();
      return;
    }
    this.#isReading = true;
    this.stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.stream.on("end", () => {
      this.isComplete = true;
      this.#deliver();
    });
  }

  /** Lets go of all bytes: the call is over. */
  end(): void {
    this.#isOver = true;
    this.#reader.clear();
    this.#release();
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    if (this.#isSingleRequest && this.#messages > 0) {
      this.sink.onFailure(fail("UNIMPLEMENTED"));
      return;
    }
    this.#reader.push(chunk);
    this.#deliver();
    if (!this.#isOver && (this.#isWaiting || !this.#isWanted) && !this.#reader.isEmpty)
      this.stream.pause();
  }

  /** Passes the next message, or the end, to the listener. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (this.#isWanted && !this.#isOver && this.#deliverNext());
    } catch (error) {
      if (!(error instanceof CurfewError)) throw error;
      this.sink.onFailure(error);
    } finally {
      this.#isDelivering = false;
    }
  }

  /** @returns whether more may be there. @throws CurfewError */
  #deliverNext(): boolean {
    const reader = this.#reader;
    const size = reader.size;
    if (size === undefined || !this.#takeMemory(size)) return this.#awaitMore();
    if (!reader.isComplete) return this.#awaitMore();
    if (size > LARGE_REQUEST_BYTES && !this.#takeTurn()) return false;
    const bytes = reader.take();
    this.#messages += 1;
    this.#hasMemory = false;
    if (this.#isSingleRequest && !reader.isEmpty) throw fail("UNIMPLEMENTED");
    const message = this.#decoded(bytes);
    this.#isWanted = false;
    if (!this.#isSingleRequest) this.#release();
    this.sink.onMessage(message);
    return true;
  }

  #awaitMore(): false {
    if (this.#isWaiting) return false;
    if (this.isComplete) {
      if (!this.#reader.isEmpty || (this.#isSingleRequest && this.#messages === 0))
        throw fail("UNIMPLEMENTED");
      this.#isWanted = false;
      this.sink.onEnd();
    } else if (this.stream.isPaused()) this.stream.resume();
    return false;
  }

  /** Takes memory for the message under way. @returns false: it has to wait. @throws CurfewError: there is none */
  #takeMemory(size: number): boolean {
    if (this.#hasMemory) return true;
    if (this.#isWaiting) return false;
    const { memory, connection } = this;
    if (!this.isTrusted) {
      const refusal = memory.takeAnonymous(connection, size);
      if (refusal !== undefined) throw refusal;
      this.#isTakenFromAnonymous = true;
    } else if (!memory.tryTake(size)) {
      this.#isWaiting = true;
      const refusal = memory.wait(connection, size, () => {
        this.#isWaiting = false;
        if (this.#isOver) memory.give(size);
        else {
          this.#takenBytes += size;
          this.#hasMemory = true;
          this.#deliver();
        }
      });
      if (refusal !== undefined) throw refusal;
      return false;
    }
    this.#takenBytes += size;
    this.#hasMemory = true;
    return true;
  }

  /** @returns false: its turn comes later. @throws CurfewError: too many wait */
  #takeTurn(): boolean {
    if (this.#hasTurn) return true;
    if (this.#isWaiting) return false;
    this.#isWaiting = true;
    const refusal = this.memory.takeTurn(this.connection, () => {
      this.#isWaiting = false;
      if (this.#isOver) this.memory.giveTurn();
      else {
        this.#hasTurn = true;
        this.#deliver();
      }
    });
    if (refusal !== undefined) throw refusal;
    return this.#hasTurn;
  }

  /** Gives back memory and turn. */
  #release(): void {
    if (this.#takenBytes > 0) {
      if (this.#isTakenFromAnonymous) this.memory.giveAnonymous(this.connection, this.#takenBytes);
      else this.memory.give(this.#takenBytes);
      this.#takenBytes = 0;
    }
    if (this.#hasTurn) {
      this.#hasTurn = false;
      this.memory.giveTurn();
    }
  }

  #decoded(bytes: Buffer): unknown {
    try {
      return this.method.deserialize(bytes);
    } catch {
      throw malformed({ field: "request", description: "must be a message of the method's type" });
    }
  }
}
