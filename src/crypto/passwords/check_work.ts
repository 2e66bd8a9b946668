/** Functions whose speed one sample can tell. */
export type WorkKind =
  | "argon2"
  | "bcrypt"
  | "pbkdf2-sha1"
  | "pbkdf2-sha256"
  | "pbkdf2-sha512"
  | "scrypt";

/** What one check of a password against a hash costs. */
export interface CheckWork {
  readonly kind: WorkKind;
  /** Milliseconds on the reference machine, on one thread. */
  readonly nominalMs: number;
  /** Memory that is held meanwhile. */
  readonly memoryBytes: number;
}

/**
 * Units of work in a millisecond on the reference machine (a server core of 2026), which other
 * machines differ from by a factor of two or so.
 */
const UNITS_PER_MS: Readonly<Record<WorkKind, number>> = {
  /** KiB of memory × passes. */
  argon2: 1800,
  /** 2^cost. */
  bcrypt: 14.5,
  /** Iterations × blocks of output. */
  "pbkdf2-sha1": 2100,
  "pbkdf2-sha256": 2250,
  "pbkdf2-sha512": 760,
  /** N × r × p. */
  scrypt: 2000,
};

/** The work of a check, from the units of its kind. */
export const workOf = (kind: WorkKind, units: number, memoryBytes = 0): CheckWork => ({
  kind,
  nominalMs: units / UNITS_PER_MS[kind],
  memoryBytes,
});

/** No check at a login takes more than this, whatever the import accepted: 4 s on the reference machine. */
const MAX_NOMINAL_MS = 4000;
/** Most memory of one check. */
export const MAX_CHECK_MEMORY_BYTES = 256 * 1024 * 1024;

/** Whether no login may ask for this work. */
export const isExcessive = ({ nominalMs, memoryBytes }: CheckWork): boolean =>
  nominalMs > MAX_NOMINAL_MS || memoryBytes > MAX_CHECK_MEMORY_BYTES;

/** Above these, checks wait in a queue of their own, so that other sign-ins do not wait for them. */
const COSTLY_NOMINAL_MS = 300;
const COSTLY_MEMORY_BYTES = 128 * 1024 * 1024;

/** Whether this work would hold up other sign-ins. */
export const isCostly = ({ nominalMs, memoryBytes }: CheckWork): boolean =>
  nominalMs > COSTLY_NOMINAL_MS || memoryBytes > COSTLY_MEMORY_BYTES;
