import { randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { CSRF_COOKIE, readCookie } from "./cookies.js";
import type { OriginCheck } from "./origin_check.js";
import { ProblemError } from "./problem.js";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** A new value for the CSRF cookie: 256 random bits. */
export const newCsrfToken = (): string => randomBytes(32).toString("base64url");

const equal = (a: string, b: string): boolean => {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
};

/**
 * Refuses a state-changing request whose proof is a cookie unless the page that
 * sent it is allowed and repeats the CSRF cookie in `X-CSRF-Token`.
 *
 * The cookie needs no signature: a signature would keep sibling domains and plain HTTP from setting it, and `__Host-`
 * does so already.
 *
 * Source: OWASP Cross-Site Request Forgery Prevention, "Double-Submit Cookie".
 *
 * @throws ProblemError 403
 */
export const checkCsrf = (request: FastifyRequest, checkOrigin: OriginCheck): void => {
  if (SAFE_METHODS.has(request.method)) return;
  checkOrigin(request);
  const cookie = readCookie(request, CSRF_COOKIE);
  const header = request.headers["x-csrf-token"];
  if (cookie && typeof header === "string" && equal(cookie, header)) return;
  throw new ProblemError(
    403,
    "permission_denied",
    `Repeat the value of the cookie ${CSRF_COOKIE} in the header X-CSRF-Token.`,
    { metadata: { check: "csrf" } },
  );
};
