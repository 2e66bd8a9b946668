import type { FastifyReply, FastifyRequest } from "fastify";
import {
  type CookieVersion,
  compareVersions,
  nextVersion,
  parseVersionName,
  versionName,
} from "./cookie_version.js";
import {
  ACCESS_COOKIE,
  CSRF_COOKIE,
  clearCookies,
  cookieNames,
  REFRESH_COOKIE,
  readCookie,
  setCookie,
} from "./cookies.js";
import { ProblemError } from "./problem.js";
import { sessionIdOf } from "./token_session.js";

/** Names the session of the cookies that an answer was made with, or has set. */
export const SESSION_ID_HEADER = "x-session-id";
/** Counts the refreshes of that session. A browser that keeps its cookies sends the last value that it received. */
export const GENERATION_HEADER = "x-session-generation";

/** The cookies of a session in a request. */
export interface SessionCookies {
  readonly access: string | undefined;
  readonly refresh: string | undefined;
  /** Undefined if no cookie names the session. */
  readonly sessionId: string | undefined;
  readonly generation: number | undefined;
}

const versionsOf = (request: FastifyRequest): CookieVersion[] =>
  cookieNames(request, `${REFRESH_COOKIE}.`).flatMap((name) => parseVersionName(name) ?? []);

/**
 * Reads the cookies of the newest session. An access cookie of another session
 * was set by an answer that came late, and does not count: the client refreshes,
 * which sets the right one.
 *
 * This version sets `__Host-refresh` and a versioned cookie to the same token,
 * always together. A `__Host-refresh` with another token was therefore set
 * since then by a gateway of 0.1, which knows no versioned cookies. The token
 * and the access cookie beside it are the newest, and the versioned cookies
 * are out of date.
 *
 * @throws ProblemError 400 for a cookie with two values
 */
export const readSessionCookies = (request: FastifyRequest): SessionCookies => {
  const versions = versionsOf(request).sort(compareVersions);
  const plain = readCookie(request, REFRESH_COOKIE);
  const tokens = versions.map((version) => readCookie(request, versionName(version)));
  const isOlderGateways = plain !== undefined && !tokens.includes(plain);
  const newest = isOlderGateways ? undefined : versions.at(-1);
  const found = readCookie(request, ACCESS_COOKIE);
  const accessSession = found && sessionIdOf(found);
  const isLate = newest && accessSession && newest.sessionId !== accessSession;
  return {
    access: isLate ? undefined : found,
    refresh: newest ? tokens.at(-1) : plain,
    sessionId: newest?.sessionId ?? accessSession,
    generation: newest?.generation,
  };
};

/**
 * Refuses a request whose page takes the cookies for another session's: they
 * belong to the browser, and another page may have signed in since.
 *
 * @throws ProblemError 403
 */
export const checkSession = (request: FastifyRequest, { sessionId }: SessionCookies): void => {
  const expected = request.headers[SESSION_ID_HEADER];
  if (expected === undefined || sessionId === undefined || expected === sessionId) return;
  throw new ProblemError(
    403,
    "permission_denied",
    "The cookies are of another session than X-Session-Id names: another page has signed in.",
    { metadata: { check: "session" } },
  );
};

/** Says which session an answer is about. */
export const announceSession = (
  reply: FastifyReply,
  { sessionId, generation }: Pick<SessionCookies, "sessionId" | "generation">,
): void => {
  if (sessionId !== undefined) reply.header(SESSION_ID_HEADER, sessionId);
  if (generation !== undefined) reply.header(GENERATION_HEADER, String(generation));
};

/** What of an answer goes into cookies. */
export interface CookieTokens {
  readonly access_token?: unknown;
  readonly refresh_token?: unknown;
  readonly expires_in?: unknown;
  readonly session?: { readonly [name: string]: unknown };
}

/**
 * The time in seconds by which cookies outlive the session: a user who returns to an ended session learns the reason,
 * which requires its tokens. The tokens prove nothing else by then.
 */
const AFTERLIFE_SECONDS = 24 * 3600;

/** How long the cookies of a session last, in seconds. */
export const cookieLifetime = ({ session, expires_in: expiresIn }: CookieTokens): number => {
  const end = Date.parse(String(session?.expires_at));
  const left = Number.isNaN(end) ? Number(expiresIn ?? 0) : Math.floor((end - Date.now()) / 1000);
  return Math.max(0, left) + AFTERLIFE_SECONDS;
};

/**
 * Stores tokens in cookies. All cookies outlive the tokens, because a logout still needs the expired access token.
 * Clears the refresh cookies that came with the request, which are older.
 */
export const setSessionCookies = (
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: CookieTokens,
  csrf: string,
  isLogin: boolean,
): void => {
  const presented = versionsOf(request);
  const version = nextVersion(presented, tokens.session, isLogin);
  const maxAge = cookieLifetime(tokens);
  const refresh = String(tokens.refresh_token);
  setCookie(reply, ACCESS_COOKIE, String(tokens.access_token), maxAge);
  setCookie(reply, REFRESH_COOKIE, refresh, maxAge);
  setCookie(reply, CSRF_COOKIE, csrf, maxAge);
  // For pages of a listed origin, which cannot read this host's cookies.
  reply.header("x-csrf-token", csrf);
  if (!version) return;
  clearCookies(reply, presented.map(versionName));
  setCookie(reply, versionName(version), refresh, maxAge);
  announceSession(reply, version);
};

/**
 * Takes the cookies of a session back: those that came with the request, for a
 * session that has begun since has another refresh cookie, which brings the
 * other three back.
 */
export const clearSessionCookies = (request: FastifyRequest, reply: FastifyReply): void => {
  const versions = versionsOf(request).map(versionName);
  clearCookies(reply, [ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE, ...versions]);
};
