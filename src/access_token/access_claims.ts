import { LRUCache } from "lru-cache";
import { parseStrictJsonObject } from "./strict_json.js";

/**
 * The claims of an access token (RFC 9068; RFC 8176 for `amr`). Times are NumericDate: whole seconds since the epoch.
 */
export interface AccessClaims {
  /** Issuer. */
  readonly iss: string;
  /** Audiences, at least one. */
  readonly aud: readonly string[];
  /** User id. */
  readonly sub: string;
  /** The application the session was made for; absent in tokens of earlier versions. */
  readonly client_id?: string;
  /** Session id. */
  readonly sid: string;
  /** Id of this one token. */
  readonly jti: string;
  readonly iat: number;
  /** When the token ends; never after `sexp`. */
  readonly exp: number;
  /** When the session ends at the latest. */
  readonly sexp: number;
  /** When the user last proved who they are. */
  readonly auth_time: number;
  /** How they proved it, for example `pwd`. */
  readonly amr: readonly string[];
  /** Authentication context class; absent: none is vouched for. */
  readonly acr?: string;
  /** The actor that acts as the user; absent if there is none. */
  readonly act?: ActorClaim;
  readonly roles: readonly string[];
}

/** The actor that acts as the subject of a token (RFC 8693, section 4.1). */
export interface ActorClaim {
  /** The actor's user id. */
  readonly sub: string;
  /** The actor's own session, if the token's session ends with it. */
  readonly sid?: string;
}

/** The issuer and the audience that a token must have. */
export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
}

/** The claims as JSON; a single audience as a string (RFC 7519 §4.1.3). */
export function encodeAccessClaims(claims: AccessClaims): Uint8Array {
  const { aud, roles, ...rest } = claims;
  // Absent claims are left out. The roles come last, because they may be long.
  return Buffer.from(JSON.stringify({ ...rest, aud: aud.length === 1 ? aud[0] : aud, roles }));
}

/**
 * Reads the claims of a token whose signature is right. Undefined when one is
 * missing or of another type, the issuer or audience is foreign, or the token
 * would outlive its session. Claims that are not known are left out; `nbf` is
 * never written, so a token with it is not one of ours.
 */
export function decodeAccessClaims(
  payload: Uint8Array,
  { issuer, audience }: ExpectedClaims,
): AccessClaims | undefined {
  const claims = parseStrictJsonObject(payload);
  if (claims === undefined || claims.iss !== issuer || "nbf" in claims) {
    return undefined;
  }
  const { sub, client_id, sid, jti, iat, exp, sexp, auth_time, amr, acr, act, roles } = claims;
  const aud = typeof claims.aud === "string" ? [claims.aud] : claims.aud;
  const complete =
    isName(sub) &&
    isName(sid) &&
    isName(jti) &&
    isTime(iat) &&
    isTime(exp) &&
    isTime(sexp) &&
    isTime(auth_time) &&
    isNames(amr) &&
    isNames(roles) &&
    isNames(aud) &&
    isAbsentOr(isName, client_id) &&
    isAbsentOr(isName, acr) &&
    isAbsentOr(isActor, act);
  if (!complete || !aud.includes(audience) || exp > sexp) {
    return undefined;
  }
  const [audiences, methods, held] = [shared(aud), shared(amr), shared(roles)];
  return Object.freeze({
    iss: issuer,
    aud: audiences,
    sub,
    ...(client_id !== undefined && { client_id }),
    sid,
    jti,
    iat,
    exp,
    sexp,
    auth_time,
    amr: methods,
    ...(acr !== undefined && { acr }),
    ...(act !== undefined && { act: Object.freeze(act) }),
    roles: held,
  });
}

/**
 * One list for all tokens that say the same: there are few different ones, and
 * of each token that is remembered they would be a fifth.
 */
const lists = new LRUCache<string, readonly string[]>({ max: 1000 });

const shared = (list: readonly string[]): readonly string[] => {
  const text = JSON.stringify(list);
  const known = lists.get(text);
  if (known !== undefined) return known;
  const frozen = Object.freeze(list);
  lists.set(text, frozen);
  return frozen;
};

const isName = (value: unknown): value is string => typeof value === "string" && value !== "";

const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every(isName);

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

const isAbsentOr = <T>(
  is: (value: unknown) => value is T,
  value: unknown,
): value is T | undefined => value === undefined || is(value);

const isActor = (value: unknown): value is ActorClaim => {
  if (typeof value !== "object" || value === null) return false;
  const { sub, sid } = value as Record<string, unknown>;
  return isName(sub) && isAbsentOr(isName, sid);
};
