import type { JsonValue, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Rpc } from "./binding.js";
import {
  ACCESS_COOKIE,
  CSRF_COOKIE,
  clearCookies,
  REFRESH_COOKIE,
  readCookie,
  setCookie,
} from "./cookies.js";
import { type Credential, takesSession } from "./credential.js";
import { checkCsrf, newCsrfToken } from "./csrf.js";
import type { OriginCheck } from "./origin_check.js";
import { badField, ProblemError } from "./problem.js";
import { asksForCookies } from "./session_mode.js";

/**
 * What cookie mode adds to a call: the only place of the gateway that knows
 * methods by name. Everything is done before the call or after it; a failed
 * refresh sets and clears nothing, for it may have lost a race whose winner's
 * cookies the browser already has.
 */
export interface SessionExchange {
  /** Whether the access cookie proves this call although its method is public. */
  readonly takesCookie: boolean;
  /** Moves cookies into the request, and returns what to do with the answer. */
  begin(
    request: FastifyRequest,
    message: Message,
    credential: Credential,
    checkOrigin: OriginCheck,
  ): SessionOutcome;
}

/** What happens once the service has answered. */
export interface SessionOutcome {
  succeeded(reply: FastifyReply, answer: JsonValue): void;
  /** @param status of the problem */
  failed(reply: FastifyReply, status: number): void;
}

const REFRESH_FIELD = "refresh_token";

type JsonObject = { [key: string]: JsonValue };

const nothing = (): void => {};
const plainOutcome: SessionOutcome = { succeeded: nothing, failed: nothing };

const secondsLeft = (answer: JsonObject): number => {
  const { session, expires_in: expiresIn } = answer as {
    session?: JsonObject;
    expires_in?: number;
  };
  const end = Date.parse(String(session?.expires_at));
  return Math.max(0, Number.isNaN(end) ? (expiresIn ?? 0) : Math.floor((end - Date.now()) / 1000));
};

/**
 * Cookies outlive the session, in seconds: who comes back to one that has ended
 * is told why, which takes its tokens. They prove nothing any more by then.
 */
const AFTERLIFE_SECONDS = 24 * 3600;

/**
 * Moves the tokens of an answer into cookies. All three live longer than the
 * tokens do: an expired access token is what a logout still needs.
 */
const tokensToCookies = (reply: FastifyReply, json: JsonValue, csrf: string): void => {
  const answer = json as JsonObject;
  const maxAge = secondsLeft(answer) + AFTERLIFE_SECONDS;
  setCookie(reply, ACCESS_COOKIE, String(answer.access_token), maxAge);
  setCookie(reply, REFRESH_COOKIE, String(answer.refresh_token), maxAge);
  setCookie(reply, CSRF_COOKIE, csrf, maxAge);
  // For pages of a listed origin, which cannot read this host's cookies.
  reply.header("x-csrf-token", csrf);
  delete answer.access_token;
  delete answer.refresh_token;
};

const cookieOutcome = (csrf: string): SessionOutcome => ({
  succeeded: (reply, answer) => tokensToCookies(reply, answer, csrf),
  failed: nothing,
});

const login: SessionExchange = {
  takesCookie: false,
  begin: (request, _message, _credential, checkOrigin) =>
    asksForCookies(request, checkOrigin) ? cookieOutcome(newCsrfToken()) : plainOutcome,
};

const refresh = ({ method }: Rpc): SessionExchange => ({
  takesCookie: false,
  begin(request, message, _credential, checkOrigin) {
    const wanted = asksForCookies(request, checkOrigin);
    const cookie = readCookie(request, REFRESH_COOKIE);
    const field = method.input.fields.find(({ name }) => name === REFRESH_FIELD);
    if (!field) throw new Error(`${method.toString()} has no field ${REFRESH_FIELD}`);
    const fields = reflect(method.input, message);
    const given = String(fields.get(field));
    if (given !== "") {
      if (cookie !== undefined && cookie !== given) {
        throw badField(
          REFRESH_FIELD,
          `disagrees with the cookie ${REFRESH_COOKIE}; send one of them`,
        );
      }
    } else if (cookie !== undefined) {
      checkCsrf(request, checkOrigin);
      fields.set(field, cookie);
    } else if (wanted) {
      throw new ProblemError(
        401,
        "credentials_missing",
        `There is no cookie ${REFRESH_COOKIE} to refresh with. Sign in again.`,
      );
    }
    if (!wanted && (given !== "" || cookie === undefined)) return plainOutcome;
    // Other tabs have calls under way that repeat the value there is, so it stays.
    return cookieOutcome(readCookie(request, CSRF_COOKIE) ?? newCsrfToken());
  },
});

const logout: SessionExchange = {
  takesCookie: true,
  begin(_request, _message, { inCookie }) {
    if (!inCookie) return plainOutcome;
    return {
      succeeded(reply) {
        clearCookies(reply);
        // https://www.w3.org/TR/clear-site-data/
        reply.header("clear-site-data", '"cookies", "storage"');
      },
      failed(reply, status) {
        if (status === 401) clearCookies(reply);
      },
    };
  },
};

/** What cookie mode adds to a method; undefined for all but three. */
export const sessionExchangeOf = (rpc: Rpc): SessionExchange | undefined => {
  switch (rpc.path) {
    case "/curfew.v1.AuthService/Login":
      return login;
    case "/curfew.v1.AuthService/RefreshTokens":
      return refresh(rpc);
    case "/curfew.v1.AuthService/Logout":
      return logout;
    default:
      return undefined;
  }
};

/** The cookie that proves a method's call, if one does, for the documentation. */
export const proofCookieOf = (rpc: Rpc): string | undefined => {
  const exchange = sessionExchangeOf(rpc);
  if (exchange?.takesCookie ?? takesSession(rpc.access)) return ACCESS_COOKIE;
  const refreshes = exchange && rpc.method.input.fields.some(({ name }) => name === REFRESH_FIELD);
  return refreshes ? REFRESH_COOKIE : undefined;
};

/** Whether a method's answer can be put into cookies, for the documentation. */
export const issuesTokens = (rpc: Rpc): boolean => {
  const exchange = sessionExchangeOf(rpc);
  return exchange !== undefined && !exchange.takesCookie;
};
