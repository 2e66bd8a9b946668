/** Where an event stands in the order of all events: that of their ids. */
export interface EventPosition {
  readonly eventId: bigint;
  /** The transaction that wrote the event. Replicas of the version before order events by it. */
  readonly transactionId: bigint;
  /** When the event happened, in milliseconds since the epoch. */
  readonly at: number;
  /** Whether this is a place in the order of transactions, as cursors of the version before are. */
  readonly isOfTransactions?: boolean;
  /** Events up to this place in the order of transactions have been handed out before. */
  readonly passed?: Pick<EventPosition, "transactionId" | "eventId">;
}

/** Before every event. */
export const ORIGIN: EventPosition = { transactionId: 0n, eventId: 0n, at: 0 };

/**
 * Added to the time of cursors in the order of ids, to distinguish them from those in the order of transactions.
 * Replicas of the previous version read such a time as a future one, and continue from the same event.
 */
const ORDER_OF_IDS = 50_000_000_000_000;

/** The position as text that clients keep and give back. */
export const writeCursor = ({ transactionId, eventId, at }: EventPosition): string =>
  [transactionId, eventId, BigInt(at + ORDER_OF_IDS)].map((part) => part.toString(36)).join(".");

const CURSOR = /^([0-9a-z]{1,13})\.([0-9a-z]{1,13})\.([0-9a-z]{1,9})$/;
/** The maximum of a Postgres bigint. */
const MAX = 2n ** 63n - 1n;

const readNumber = (text: string): bigint =>
  [...text].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);

/** The position, or undefined for a text that is no cursor of ours. */
export const readCursor = (text: string): EventPosition | undefined => {
  const [, transaction = "", event = "", time = ""] = CURSOR.exec(text) ?? [];
  if (transaction === "") return undefined;
  const transactionId = readNumber(transaction);
  const eventId = readNumber(event);
  if (transactionId > MAX || eventId > MAX) return undefined;
  const at = Number.parseInt(time, 36);
  return at >= ORDER_OF_IDS
    ? { transactionId, eventId, at: at - ORDER_OF_IDS }
    : { transactionId, eventId, at, isOfTransactions: true };
};
