import { Access } from "../../../generated/curfew/options/v1/options.js";
import type { Binding } from "../binding.js";
import { ACCESS_COOKIE } from "../cookies.js";
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
};

/** One of several ways to be let in: the schemes that are needed together. */
type Requirement = { [scheme: string]: readonly string[] };

/** Whether a call can be refused for its cookie: from a page of another origin, or without the CSRF token. */
export const checksCookies = ({ rpc, verb }: Binding): boolean =>
  issuesTokens(rpc) || (verb !== "GET" && proofCookieOf(rpc) !== undefined);

/**
 * The access of a method, as OpenAPI's alternatives. They leave out a browser's cookies: clients that are generated
 * from the document would send them beside the bearer token, which is refused.
 */
export const securityOf = ({ rpc }: Binding): readonly Requirement[] => {
  const session: Requirement = { accessToken: [] };
  const service: Requirement = { serviceKey: [] };
  switch (rpc.access) {
    case Access.PUBLIC:
      return proofCookieOf(rpc) === ACCESS_COOKIE ? [{}, session] : [];
    case Access.SESSION:
      return [session];
    case Access.SERVICE:
    case Access.ISSUER:
      return [service];
    default:
      return [session, service];
  }
};
