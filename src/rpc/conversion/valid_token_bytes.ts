import { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { AccessClaims } from "../../access_token/access_claims.js";
import type { ValidToken } from "../../core/validate_token.js";
import { validTokenToProto } from "./valid_token.js";

/**
 * ValidateTokenResponse straight to bytes, for the one call that is made all
 * day: the generated encoder takes six microseconds for it, this a tenth. What
 * a token always says is encoded once and kept with its claims; only the last
 * three fields differ from call to call, and fields may stand in any order
 * (protobuf, "Encoding").
 */
export type EncodeValidToken = (token: ValidToken, revision: bigint) => Buffer;

interface Kept {
  readonly username: string;
  readonly roles: readonly string[];
  readonly bytes: Uint8Array;
}

/** Tags of length-delimited fields 10 and 11, and of varint field 12. */
const LAST_ACTIVITY_AT = 0x52;
const IDLE_EXPIRES_AT = 0x5a;
const REVISION = 0x60;
/** Two timestamps of at most 19 bytes with their heads, and a varint with its tag. */
const MOST_CHANGING_BYTES = 2 * 21 + 11;

export const validTokenEncoder = (idleTimeoutMs: number): EncodeValidToken => {
  const kept = new WeakMap<AccessClaims, Kept>();

  const constantBytes = (token: ValidToken): Uint8Array => {
    const { claims, session } = token;
    const known = kept.get(claims);
    if (known?.username === session.username && areEqual(known.roles, session.roles))
      return known.bytes;
    const message = validTokenToProto(token, idleTimeoutMs, 0n);
    const bytes = ValidateTokenResponse.encode({
      ...message,
      lastActivityAt: undefined,
      idleExpiresAt: undefined,
    }).finish();
    kept.set(claims, { username: session.username, roles: session.roles, bytes });
    return bytes;
  };

  return (token, revision) => {
    const constant = constantBytes(token);
    const { lastActivityAt, expiresAt } = token.session;
    const buffer = Buffer.allocUnsafe(constant.length + MOST_CHANGING_BYTES);
    buffer.set(constant);
    let end = writeTimestamp(buffer, constant.length, LAST_ACTIVITY_AT, lastActivityAt);
    const idleExpiresAt = Math.min(lastActivityAt + idleTimeoutMs, expiresAt);
    end = writeTimestamp(buffer, end, IDLE_EXPIRES_AT, idleExpiresAt);
    if (revision > 0n) {
      buffer[end++] = REVISION;
      end = writeVarint(buffer, end, Number(revision));
    }
    return buffer.subarray(0, end);
  };
};

/** Mostly the same array: it is kept with the user's profile, as long as that is remembered. */
const areEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((entry, i) => entry === b[i]));

/** A google.protobuf.Timestamp as a field; `at` in milliseconds since the epoch, not before it. */
const writeTimestamp = (buffer: Buffer, start: number, tag: number, at: number): number => {
  buffer[start] = tag;
  const seconds = Math.floor(at / 1000);
  const nanos = (at - seconds * 1000) * 1_000_000;
  let end = start + 2;
  buffer[end++] = 0x08;
  end = writeVarint(buffer, end, seconds);
  if (nanos > 0) {
    buffer[end++] = 0x10;
    end = writeVarint(buffer, end, nanos);
  }
  buffer[start + 1] = end - start - 2;
  return end;
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
