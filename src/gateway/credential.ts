import type { FastifyRequest } from "fastify";
import { Access } from "../../generated/curfew/options/v1/options.js";
import { ACCESS_COOKIE, readCookie } from "./cookies.js";
import { checkCsrf } from "./csrf.js";
import type { OriginCheck } from "./origin_check.js";
import { badField } from "./problem.js";

/** What a call is made with. */
export interface Credential {
  /** Value of the `authorization` metadata. */
  readonly authorization: string | undefined;
  /** Whether the browser keeps the token in a cookie. */
  readonly inCookie: boolean;
}

const SESSION_CLASSES: ReadonlySet<Access> = new Set([
  Access.SESSION,
  Access.SERVICE_OR_SESSION,
  Access.ADMIN,
]);

/** Whether a session is a credential for methods of this class. */
export const takesSession = (access: Access): boolean => SESSION_CLASSES.has(access);

const authorizationHeader = ({ headers, raw }: FastifyRequest): string | undefined => {
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
 * @throws ProblemError 400 for two credentials, 403 for a cookie without CSRF token
 */
export const readCredential = (
  request: FastifyRequest,
  takesCookie: boolean,
  checkOrigin: OriginCheck,
): Credential => {
  const authorization = authorizationHeader(request);
  const cookie = takesCookie ? readCookie(request, ACCESS_COOKIE) : undefined;
  if (cookie === undefined) return { authorization, inCookie: false };
  if (authorization !== undefined) {
    const token = /^bearer +(.*)$/i.exec(authorization)?.[1]?.trimEnd();
    if (token !== cookie) {
      throw badField(
        "authorization",
        `disagrees with the cookie ${ACCESS_COOKIE}; send one of them`,
      );
    }
    return { authorization, inCookie: true };
  }
  checkCsrf(request, checkOrigin);
  return { authorization: `Bearer ${cookie}`, inCookie: true };
};
