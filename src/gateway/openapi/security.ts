import { Access } from "../../../generated/curfew/options/v1/options.js";
import type { Binding } from "../binding.js";
import { ACCESS_COOKIE, REFRESH_COOKIE } from "../cookies.js";
import { issuesTokens, proofCookieOf } from "../session_exchange.js";
import type { Schema } from "./schema.js";

/** The credentials that calls are made with, for `components.securitySchemes`. */
export const SECURITY_SCHEMES: Schema = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An access token from a login or refresh.",
  },
  serviceKey: { type: "http", scheme: "bearer", description: "The key of another backend." },
  accessCookie: {
    type: "apiKey",
    in: "cookie",
    name: ACCESS_COOKIE,
    description: "Set by a login with `X-Session-Mode: cookie`.",
  },
  refreshCookie: {
    type: "apiKey",
    in: "cookie",
    name: REFRESH_COOKIE,
    description: "Set beside it; proves a refresh.",
  },
  csrfToken: {
    type: "apiKey",
    in: "header",
    name: "X-CSRF-Token",
    description: "The value of the cookie `__Host-csrf`, with calls that change something.",
  },
};

/** One of several ways to be let in: the schemes that are needed together. */
type Requirement = { [scheme: string]: readonly string[] };

/** Whether a call can be refused for its cookie: from a page of another origin, or without the CSRF token. */
export const checksCookies = ({ rpc, verb }: Binding): boolean =>
  issuesTokens(rpc) || (verb !== "GET" && proofCookieOf(rpc) !== undefined);

/** Who may call, as OpenAPI's alternatives. */
export const securityOf = ({ rpc, verb }: Binding): readonly Requirement[] => {
  const csrf: Requirement = verb === "GET" ? {} : { csrfToken: [] };
  const session: Requirement[] = [{ accessToken: [] }, { accessCookie: [], ...csrf }];
  const service: Requirement = { serviceKey: [] };
  switch (rpc.access) {
    case Access.PUBLIC:
      // The body alone does for each; a credential may stand in for it.
      if (proofCookieOf(rpc) === ACCESS_COOKIE) return [{}, ...session];
      return proofCookieOf(rpc) ? [{}, { refreshCookie: [], ...csrf }] : [];
    case Access.SESSION:
      return session;
    case Access.SERVICE:
      return [service];
    default:
      return [...session, service];
  }
};
