import { stringifySetCookie } from "cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { stripped } from "../core/caller/header_text.js";
import { badField, ProblemError } from "./problem.js";

/**
 * Cookies of a browser session. `__Host-` binds each to this very host over
 * HTTPS (RFC 6265bis section 4.1.3.2); Chromium and Firefox count
 * `http://localhost` as such.
 */
export const ACCESS_COOKIE = "__Host-access";
export const REFRESH_COOKIE = "__Host-refresh";
/** Readable by scripts, which repeat it in `X-CSRF-Token`. */
export const CSRF_COOKIE = "__Host-csrf";

/** Whether links from other sites bring the cookies along (`lax`) or not. */
export type SameSite = "strict" | "lax";

/** Browsers drop a larger cookie without a word: name, value and attributes. */
const MAX_COOKIE_BYTES = 4096;

declare module "fastify" {
  interface FastifyInstance {
    readonly cookieSameSite: SameSite;
  }
}

/** Decides for all cookies of an app whether links from other sites bring them along. */
export const installCookies = (app: FastifyInstance, sameSite: SameSite): void => {
  app.decorate("cookieSameSite", sameSite);
};

/** The value of a `Set-Cookie` header. */
const cookieText = (
  reply: FastifyReply,
  name: string,
  value: string,
  life: { readonly maxAge: number; readonly expires?: Date },
): string =>
  stringifySetCookie(name, value, {
    ...life,
    path: "/",
    secure: true,
    httpOnly: name !== CSRF_COOKIE,
    sameSite: reply.server.cookieSameSite,
  });

const decoded = (name: string, value: string): string => {
  try {
    return decodeURIComponent(value);
  } catch {
    throw badField(name, "is a cookie with invalid percent-encoding");
  }
};

/** The cookies of a request by name, undecoded. The same name with the same value counts once. */
const cookiesOf = ({ headers }: FastifyRequest): readonly (readonly [string, string])[] => {
  const pairs = new Set<string>();
  for (const part of headers.cookie?.split(";") ?? []) pairs.add(stripped(part));
  return [...pairs].map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, Math.max(0, at)), pair.slice(at + 1)] as const;
  });
};

/**
 * The value of a cookie; undefined if it is absent or empty.
 *
 * @throws ProblemError 400 if it comes twice with different values
 */
export const readCookie = (request: FastifyRequest, name: string): string | undefined => {
  if (!request.headers.cookie?.includes(name)) return undefined;
  const values = cookiesOf(request).filter(([found]) => found === name);
  if (values.length > 1) throw badField(name, "is a cookie with two values; send one");
  const value = values[0]?.[1];
  return value ? decoded(name, value) : undefined;
};

/** The names of a request's cookies that begin with `prefix`. */
export const cookieNames = (request: FastifyRequest, prefix: string): readonly string[] =>
  request.headers.cookie?.includes(prefix)
    ? cookiesOf(request)
        .map(([name]) => name)
        .filter((name) => name.startsWith(prefix))
    : [];

/**
 * Sets a cookie of the session.
 *
 * @throws ProblemError 500 for one that browsers would drop
 */
export const setCookie = (
  reply: FastifyReply,
  name: string,
  value: string,
  maxAgeSeconds: number,
): void => {
  const text = cookieText(reply, name, value, { maxAge: maxAgeSeconds });
  if (text.length > MAX_COOKIE_BYTES) {
    throw new ProblemError(
      500,
      "internal",
      `The cookie ${name} would have ${text.length} bytes, and browsers drop it over ${MAX_COOKIE_BYTES}.`,
      { metadata: { check: "cookie_size" } },
    );
  }
  reply.header("set-cookie", text);
};

/** Takes cookies of the session back. */
export const clearCookies = (reply: FastifyReply, names: readonly string[]): void => {
  for (const name of names)
    reply.header("set-cookie", cookieText(reply, name, "", { maxAge: 0, expires: new Date(0) }));
};
