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
import {
  type CookieTokens,
  checkSession,
  clearSessionCookies,
  cookieLifetime,
  readSessionCookies,
  setSessionCookies,
} from "./session_cookies.js";
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
  failed(reply: FastifyReply, problem: ProblemError): void;
}

const REFRESH_FIELD = "refresh_token";
const OMIT_ROLES_FIELD = "omit_roles";

type JsonObject = { [key: string]: JsonValue };

const nothing = (): void => {};
const plainOutcome: SessionOutcome = { succeeded: nothing, failed: nothing };

const cookieOutcome = (
  request: FastifyRequest,
  csrf: string,
  isLogin: boolean,
): SessionOutcome => ({
  succeeded(reply, json) {
    const answer = json as JsonObject;
    setSessionCookies(request, reply, answer as CookieTokens, csrf, isLogin);
    delete answer.access_token;
    delete answer.refresh_token;
  },
  failed: nothing,
});

const fieldOf = ({ method }: Rpc, name: string) => {
  const field = method.input.fields.find((one) => one.name === name);
  if (!field) throw new Error(`${method.toString()} has no field ${name}`);
  return field;
};

/** Requests an access token whose size does not grow with the user's roles: it has to fit into a cookie. */
const omitRoles = (rpc: Rpc, message: Message): void =>
  reflect(rpc.method.input, message).set(fieldOf(rpc, OMIT_ROLES_FIELD), true);

const login = (rpc: Rpc): SessionExchange => ({
  takesCookie: false,
  begin(request, message, _credential, checkOrigin) {
    if (!asksForCookies(request, checkOrigin)) return plainOutcome;
    omitRoles(rpc, message);
    return cookieOutcome(request, newCsrfToken(), true);
  },
});

const refresh = (rpc: Rpc): SessionExchange => ({
  takesCookie: false,
  begin(request, message, _credential, checkOrigin) {
    const wanted = asksForCookies(request, checkOrigin);
    const cookies = readSessionCookies(request);
    const cookie = cookies.refresh;
    const field = fieldOf(rpc, REFRESH_FIELD);
    const fields = reflect(rpc.method.input, message);
    const given = String(fields.get(field));
    if (given !== "") {
      if (cookie !== undefined && cookie !== given) {
        throw badField(
          REFRESH_FIELD,
          `disagrees with the cookie ${REFRESH_COOKIE}; send one of them`,
        );
      }
    } else if (cookie !== undefined) {
      // X-Session-Mode replaces the CSRF token: no page of another origin can send this header.
      if (!wanted) checkCsrf(request, checkOrigin);
      checkSession(request, cookies);
      fields.set(field, cookie);
    } else if (wanted) {
      throw new ProblemError(
        401,
        "credentials_missing",
        `There is no cookie ${REFRESH_COOKIE} to refresh with. Sign in again.`,
      );
    }
    if (!wanted && (given !== "" || cookie === undefined)) return plainOutcome;
    omitRoles(rpc, message);
    // Other tabs have calls under way that repeat the value there is, so it stays.
    return cookieOutcome(request, readCookie(request, CSRF_COOKIE) ?? newCsrfToken(), false);
  },
});

const logout: SessionExchange = {
  takesCookie: true,
  begin(request, _message, { inCookie }) {
    if (!inCookie) return plainOutcome;
    return {
      succeeded: (reply) => clearSessionCookies(request, reply),
      failed(reply, { code }) {
        // The refresh token may still prove what this one does not.
        if (code === "access_token_invalid") clearCookies(reply, [ACCESS_COOKIE]);
      },
    };
  },
};

/** Answers whose session the cookies are of, with the anti-forgery token, a new one if there is none. */
const sessionInfo: SessionExchange = {
  takesCookie: true,
  begin(request, _message, { inCookie }, checkOrigin) {
    if (!inCookie || !asksForCookies(request, checkOrigin)) return plainOutcome;
    return {
      succeeded(reply, answer) {
        const known = readCookie(request, CSRF_COOKIE);
        const csrf = known ?? newCsrfToken();
        if (!known) setCookie(reply, CSRF_COOKIE, csrf, cookieLifetime(answer as CookieTokens));
        reply.header("x-csrf-token", csrf);
      },
      failed: nothing,
    };
  },
};

/** What cookie mode adds to a method; undefined for all but five. */
export const sessionExchangeOf = (rpc: Rpc): SessionExchange | undefined => {
  switch (rpc.path) {
    case "/curfew.v1.AuthService/Login":
    case "/curfew.v1.AuthService/ExchangeToken":
      return login(rpc);
    case "/curfew.v1.AuthService/RefreshTokens":
      return refresh(rpc);
    case "/curfew.v1.AuthService/Logout":
      return logout;
    case "/curfew.v1.AuthService/GetSessionInfo":
      return sessionInfo;
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
