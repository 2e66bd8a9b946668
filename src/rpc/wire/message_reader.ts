import { constants, gunzipSync, inflateSync } from "node:zlib";
import { beyondBound, malformed, unknownEncoding } from "../budgets/refusal.js";

/** One byte that says whether the message is compressed, four of its length. */
export const HEAD_BYTES = 5;

/** Encodings of messages that are read, as `grpc-accept-encoding` lists them. */
export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

const tooLarge = (maxBytes: number) =>
  beyondBound("message_bytes", "request", `must have at most ${maxBytes} bytes`);

/**
 * Assembles the messages of a request from its bytes (gRPC over HTTP/2, "Length-Prefixed-Message"). Neither a message
 * nor its decompressed form can exceed the bound of the method.
 */
export class MessageReader {
  #parts: Buffer[] = [];
  /** Bytes of the message under way, its head included, and whether it is compressed. */
  #expected: number | undefined;
  #isCompressed = false;

  /** Bytes that are held. */
  received = 0;

  constructor(
    private readonly encoding: string,
    private readonly maxBytes: number,
  ) {}

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.received += chunk.length;
  }

  /**
   * How many bytes the next message is going to take; undefined: its head has not come.
   *
   * @throws CurfewError INVALID_ARGUMENT for a message that is too large,
   * UNIMPLEMENTED for an encoding that is not supported
   */
  get size(): number | undefined {
    if (this.#expected === undefined) {
      if (this.received < HEAD_BYTES) return undefined;
      const head = this.#joined();
      const length = head.readUInt32BE(1);
      if (length > this.maxBytes) throw tooLarge(this.maxBytes);
      this.#isCompressed = head[0] === 1 && this.encoding !== "identity";
      if (this.#isCompressed && this.encoding !== "gzip" && this.encoding !== "deflate")
        throw unknownEncoding(ACCEPTED_ENCODINGS);
      this.#expected = HEAD_BYTES + length;
    }
    return this.#isCompressed ? this.maxBytes : this.#expected;
  }

  /** Whether the next message is here. */
  get isComplete(): boolean {
    return this.#expected !== undefined && this.received >= this.#expected;
  }

  /** Whether there are bytes of a message that is not complete. */
  get isEmpty(): boolean {
    return this.received === 0;
  }

  /** The next message, which has to be complete. @throws CurfewError INVALID_ARGUMENT if it cannot be inflated */
  take(): Buffer {
    const end = this.#expected ?? 0;
    const all = this.#joined();
    const message = all.subarray(HEAD_BYTES, end);
    const isCompressed = this.#isCompressed;
    this.#parts = all.length > end ? [all.subarray(end)] : [];
    this.received -= end;
    this.#expected = undefined;
    return isCompressed ? this.#inflate(message) : message;
  }

  /** Lets go of all bytes. */
  clear(): void {
    this.#parts = [];
    this.received = 0;
  }

  /** In place, because the bound keeps it short, and the thread pool is busy with password hashes. */
  #inflate(message: Buffer): Buffer {
    const inflate = this.encoding === "gzip" ? gunzipSync : inflateSync;
    try {
      return inflate(message, {
        maxOutputLength: this.maxBytes,
        finishFlush: constants.Z_FINISH,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
        throw tooLarge(this.maxBytes);
      const description = `must be compressed with ${this.encoding}`;
      throw malformed({ field: "request", description });
    }
  }

  #joined(): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && this.#parts.length === 1) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }
}
