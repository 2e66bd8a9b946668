/** Makes ids. */
export interface IdSource {
  /** A new UUIDv7 in lower case (RFC 9562). */
  next(now: number): string;
}
