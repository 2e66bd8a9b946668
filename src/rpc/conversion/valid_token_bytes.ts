import { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { AccessClaims } from "../../access_token/access_claims.js";
import { idleTimeoutOf } from "../../core/session/session.js";
import type { ValidToken } from "../../core/validation/validate_token.js";
import { validTokenToProto } from "./valid_token.js";

/**
 * ValidateTokenResponse straight to bytes, for the one call that is made all
 * day: the generated encoder takes six microseconds for it, this a tenth. What
 * a token always says is encoded once and kept with its claims; only the last
 * three fields differ from call to call, and fields may stand in any order
 * (protobuf, "Encoding").
 */
export interface ValidTokenWriter {
  /** How many bytes an answer has, which `write` may be called for next. */
  measure(token: ValidToken, revision: bigint): number;
  /** Writes the answer that was measured last. */
  write(buffer: Buffer, start: number): void;
}

interface Kept {
  readonly username: string;
  readonly roles: readonly string[];
  /** A part of a page. */
  readonly bytes: Uint8Array;
}

/**
 * Many tokens share a page: memory of its own would take each twice as much.
 * Tokens are forgotten in the order they came, and so are pages.
 */
const PAGE_BYTES = 16_384;

/** Tags of length-delimited fields 10 and 11, and of varint field 12. */
const LAST_ACTIVITY_AT = 0x52;
const IDLE_EXPIRES_AT = 0x5a;
const REVISION = 0x60;

export const validTokenWriter = (idleTimeoutMs: number): ValidTokenWriter => {
  const kept = new WeakMap<AccessClaims, Kept>();
  let page = new Uint8Array(0);

  const keep = (token: ValidToken): Kept => {
    const message = validTokenToProto(token, idleTimeoutMs, 0n);
    const constant = { ...message, lastActivityAt: undefined, idleExpiresAt: undefined };
    const encoded = ValidateTokenResponse.encode(constant).finish();
    if (page.length < encoded.length) page = new Uint8Array(Math.max(PAGE_BYTES, encoded.length));
    page.set(encoded);
    const { username, roles } = token.session;
    const place = { username, roles, bytes: page.subarray(0, encoded.length) };
    page = page.subarray(encoded.length);
    kept.set(token.claims, place);
    return place;
  };

  const keptOf = (token: ValidToken): Kept => {
    const { username, roles } = token.session;
    const known = kept.get(token.claims);
    return known?.username === username && areEqual(known.roles, roles) ? known : keep(token);
  };

  let bytes: Uint8Array = page;
  let lastActivityAt = 0;
  let idleExpiresAt = 0;
  let revision = 0;

  return {
    measure(token, at) {
      bytes = keptOf(token).bytes;
      lastActivityAt = token.session.lastActivityAt;
      idleExpiresAt = Math.min(
        lastActivityAt + idleTimeoutOf(token.session, idleTimeoutMs),
        token.session.expiresAt,
      );
      revision = Number(at);
      return (
        bytes.length +
        (2 + timestampSize(lastActivityAt)) +
        (2 + timestampSize(idleExpiresAt)) +
        (revision === 0 ? 0 : 1 + varintSize(revision))
      );
    },
    write(buffer, start) {
      buffer.set(bytes, start);
      let at = writeTimestamp(buffer, start + bytes.length, LAST_ACTIVITY_AT, lastActivityAt);
      at = writeTimestamp(buffer, at, IDLE_EXPIRES_AT, idleExpiresAt);
      if (revision === 0) return;
      buffer[at] = REVISION;
      writeVarint(buffer, at + 1, revision);
    },
  };
};

/** Mostly the same array: it is kept with the user's profile, as long as that is remembered. */
const areEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((entry, i) => entry === b[i]));

/** Nanoseconds within the second; `at` in milliseconds since the epoch, not before it. */
const nanosOf = (at: number): number => (at % 1000) * 1_000_000;

/** Bytes of a google.protobuf.Timestamp: at most 18. */
const timestampSize = (at: number): number => {
  const nanos = nanosOf(at);
  return 1 + varintSize(Math.floor(at / 1000)) + (nanos === 0 ? 0 : 1 + varintSize(nanos));
};

/** A google.protobuf.Timestamp as a field. Returns where it ends. */
const writeTimestamp = (buffer: Buffer, start: number, tag: number, at: number): number => {
  buffer[start] = tag;
  buffer[start + 1] = timestampSize(at);
  buffer[start + 2] = 0x08;
  const end = writeVarint(buffer, start + 3, Math.floor(at / 1000));
  const nanos = nanosOf(at);
  if (nanos === 0) return end;
  buffer[end] = 0x10;
  return writeVarint(buffer, end + 1, nanos);
};

const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
};

/** Whole numbers up to 2^53: revisions would take centuries to outgrow them. */
const writeVarint = (buffer: Buffer, start: number, value: number): number => {
  let end = start;
  let rest = value;
  while (rest > 0x7f) {
    buffer[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[end++] = rest;
  return end;
};
