import { Access } from "../../../generated/curfew/options/v1/options.js";
import type { Binding } from "../binding.js";
import { ACCESS_COOKIE } from "../cookies.js";
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
  csrfToken: {
    type: "apiKey",
    in: "header",
    name: "X-CSRF-Token",
    description: "The value of the cookie `__Host-csrf`, with calls that change something.",
  },
};

/** One of several ways to be let in: the schemes that are needed together. */
type Requirement = { [scheme: string]: readonly string[] };

/** Who may call, as OpenAPI's alternatives. */
export const securityOf = ({ rpc, verb }: Binding): readonly Requirement[] => {
  const session: Requirement[] = [
    { accessToken: [] },
    { accessCookie: [], ...(verb === "GET" ? {} : { csrfToken: [] }) },
  ];
  const service: Requirement = { serviceKey: [] };
  switch (rpc.access) {
    case Access.PUBLIC:
      return [];
    case Access.SESSION:
      return session;
    case Access.SERVICE:
      return [service];
    default:
      return [...session, service];
  }
};
