/**
 * Where an event stands in the order of all events: that of transactions, then
 * that of the events within one.
 */
export interface EventPosition {
  readonly transactionId: bigint;
  readonly eventId: bigint;
  /** When the event happened, in milliseconds since the epoch. */
  readonly at: number;
}

/** Before every event. */
export const ORIGIN: EventPosition = { transactionId: 0n, eventId: 0n, at: 0 };

/** The position as text that clients keep and give back. */
export const writeCursor = ({ transactionId, eventId, at }: EventPosition): string =>
  [transactionId, eventId, BigInt(at)].map((part) => part.toString(36)).join(".");

const CURSOR = /^([0-9a-z]{1,13})\.([0-9a-z]{1,13})\.([0-9a-z]{1,9})$/;
/** What a bigint of Postgres holds. */
const MOST = 2n ** 63n - 1n;

const readNumber = (text: string): bigint =>
  [...text].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);

/** The position, or undefined for a text that is no cursor of ours. */
export const readCursor = (text: string): EventPosition | undefined => {
  const [, transaction = "", event = "", at = ""] = CURSOR.exec(text) ?? [];
  if (transaction === "") return undefined;
  const transactionId = readNumber(transaction);
  const eventId = readNumber(event);
  if (transactionId > MOST || eventId > MOST) return undefined;
  return { transactionId, eventId, at: Number.parseInt(at, 36) };
};
