import {
  type ExecProtocolOptionsStream,
  PGlite,
  type QueryOptions,
  type Results,
} from "@electric-sql/pglite";

/** Types of the messages after which a client owes the server nothing: Query, Sync, FunctionCall, Terminate. */
const LAST_OF_SEQUENCE = new Set([..."QSFX"].map((type) => type.charCodeAt(0)));
/** The first byte of a startup packet, which has a length instead of a type. */
const STARTUP = 0;

/**
 * PGlite as the socket server needs it, for several connections.
 *
 * The socket server lets connections take turns message by message unless a
 * transaction is open. But the messages of one extended query (Parse, Bind,
 * Execute … Sync) share the unnamed statement: when another connection's come
 * between, which happens as soon as they are too large for one read, a client
 * is given the answer to another one's query. So a sequence that has begun
 * counts as a transaction until its Sync.
 *
 * Source: PostgreSQL, "Frontend/Backend Protocol", Extended Query.
 */
export class SequencedPglite extends PGlite {
  #midSequence = false;

  override isInTransaction(): boolean {
    return this.#midSequence || super.isInTransaction();
  }

  override async execProtocolRawStream(
    message: Uint8Array,
    options: ExecProtocolOptionsStream,
  ): Promise<void> {
    const type = message[0] ?? STARTUP;
    this.#midSequence = type !== STARTUP && !LAST_OF_SEQUENCE.has(type);
    await super.execProtocolRawStream(message, options);
  }

  /** The socket server calls this with ROLLBACK only, when a connection is lost. */
  override async exec(query: string, options?: QueryOptions): Promise<Results[]> {
    if (this.#midSequence) {
      // After an error Postgres skips everything up to the next Sync, which
      // comes with this: it takes the first to be heard, the second to count.
      await super.exec(query, options);
      this.#midSequence = false;
    }
    return super.exec(query, options);
  }
}
