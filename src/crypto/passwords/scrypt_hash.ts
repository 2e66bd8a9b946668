/** The parts of an encoded scrypt hash (RFC 7914 §2). */
export interface ScryptHash {
  /** N. */
  readonly cost: number;
  /** r. */
  readonly blockSize: number;
  /** p. */
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}
