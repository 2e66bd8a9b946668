import type { CookieSerializeOptions } from "@fastify/cookie";
import type { FastifyReply, FastifyRequest } from "fastify";
import { badField } from "./problem.js";

/**
 * Cookies of a browser session. `__Host-` binds each to this very host over
 * HTTPS (RFC 6265bis section 4.1.3.2); Chromium and Firefox count
 * `http://localhost` as such.
 */
export const ACCESS_COOKIE = "__Host-access";
export const REFRESH_COOKIE = "__Host-refresh";
/** Readable by scripts, which repeat it in `X-CSRF-Token`. */
export const CSRF_COOKIE = "__Host-csrf";

const ALL = [ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE];

const attributes = (name: string): CookieSerializeOptions => ({
  path: "/",
  secure: true,
  sameSite: "strict",
  httpOnly: name !== CSRF_COOKIE,
});

/**
 * The value of a cookie; undefined if it is absent or empty.
 *
 * @throws ProblemError 400 if it comes twice with different values
 */
export const readCookie = ({ headers }: FastifyRequest, name: string): string | undefined => {
  if (!headers.cookie?.includes(name)) return undefined;
  const prefix = `${name}=`;
  const values = new Set<string>();
  for (const part of headers.cookie.split(";")) {
    const pair = part.trim();
    if (pair.startsWith(prefix)) values.add(pair.slice(prefix.length));
  }
  if (values.size > 1) throw badField(name, "is a cookie with two values; send one");
  const [value] = values;
  if (!value) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    throw badField(name, "is a cookie with invalid percent-encoding");
  }
};

/** Sets a cookie of the session. */
export const setCookie = (
  reply: FastifyReply,
  name: string,
  value: string,
  maxAgeSeconds: number,
): void => {
  reply.setCookie(name, value, { ...attributes(name), maxAge: maxAgeSeconds });
};

/** Takes all cookies of the session back. */
export const clearCookies = (reply: FastifyReply): void => {
  for (const name of ALL) reply.clearCookie(name, attributes(name));
};
