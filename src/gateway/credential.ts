import type { FastifyRequest } from "fastify";
import { Access } from "../../generated/curfew/options/v1/options.js";
import { ACCESS_COOKIE } from "./cookies.js";
import { checkCsrf } from "./csrf.js";
import type { OriginCheck } from "./origin_check.js";
import { badField } from "./problem.js";
import { checkSession, readSessionCookies, type SessionCookies } from "./session_cookies.js";

/** The credential of a call. */
export interface Credential {
  /** Value of the `authorization` metadata. */
  readonly authorization: string | undefined;
  /** Whether the browser keeps the token in a cookie. */
  readonly inCookie: boolean;
  /** The cookies that count for this call; undefined where none do. */
  readonly cookies?: SessionCookies | undefined;
}

const SESSION_CLASSES: ReadonlySet<Access> = new Set([
  Access.SESSION,
  Access.SERVICE_OR_SESSION,
  Access.ADMIN,
]);

/** Whether a session is a credential for methods of this class. */
export const takesSession = (access: Access): boolean => SESSION_CLASSES.has(access);

/**
 * The `Authorization` header; undefined: there is none.
 *
 * @throws ProblemError 400 if it is given more than once (D4)
 */
export const authorizationHeader = ({ headers, raw }: FastifyRequest): string | undefined => {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  let count = 0;
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    if (raw.rawHeaders[at]?.toLowerCase() === "authorization") count += 1;
  }
  if (count > 1) throw badField("authorization", "is given more than once; send one credential");
  return authorization;
};

/**
 * The one credential of a request: its `Authorization` header, else the access
 * cookie where a session is one. A request with both must mean the same token.
 *
 * @param takesCookie whether the cookie counts for this call
 * @throws ProblemError 400 for two credentials, 403 for a cookie without CSRF
 *   token or of another session than the page expects
 */
export const readCredential = (
  request: FastifyRequest,
  takesCookie: boolean,
  checkOrigin: OriginCheck,
): Credential => {
  const authorization = authorizationHeader(request);
  if (!takesCookie) return { authorization, inCookie: false };
  const cookies = readSessionCookies(request);
  const { access } = cookies;
  if (authorization !== undefined) {
    const token = /^bearer +(.*)$/i.exec(authorization)?.[1]?.replace(/[ \t]+$/, "");
    if (access !== undefined && token !== access) {
      throw badField(
        "authorization",
        `disagrees with the cookie ${ACCESS_COOKIE}; send one of them`,
      );
    }
    return { authorization, inCookie: access !== undefined, cookies };
  }
  if (access !== undefined) checkCsrf(request, checkOrigin);
  checkSession(request, cookies);
  return {
    authorization: access === undefined ? undefined : `Bearer ${access}`,
    inCookie: access !== undefined,
    cookies,
  };
};
