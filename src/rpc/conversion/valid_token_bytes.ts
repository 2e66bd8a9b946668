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
/** Two timestamps of at most 19 bytes with their heads, and a varint with its tag. */
const MOST_CHANGING_BYTES = 2 * 21 + 11;

export const validTokenEncoder = (idleTimeoutMs: number): EncodeValidToken => {
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

  return (token, revision) => {
    const { claims, session } = token;
    const known = kept.get(claims);
    const { bytes } =
      known?.username === session.username && areEqual(known.roles, session.roles)
        ? known
        : keep(token);
    const buffer = Buffer.allocUnsafe(bytes.length + MOST_CHANGING_BYTES);
    buffer.set(bytes);
    let at = bytes.length;
    const { lastActivityAt, expiresAt } = session;
    at = writeTimestamp(buffer, at, LAST_ACTIVITY_AT, lastActivityAt);
    const idleExpiresAt = Math.min(lastActivityAt + idleTimeoutMs, expiresAt);
    at = writeTimestamp(buffer, at, IDLE_EXPIRES_AT, idleExpiresAt);
    if (revision > 0n) {
      buffer[at++] = REVISION;
      at = writeVarint(buffer, at, Number(revision));
    }
    return buffer.subarray(0, at);
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
