import { Access } from "../../generated/curfew/options/v1/options.js";
import {
  ADMIN_ROLE,
  ANONYMOUS,
  type Caller,
  type ServiceCaller,
  type SessionCaller,
} from "../core/caller/caller.js";
import { stripped } from "../core/caller/header_text.js";
import { fail, invalidField } from "../core/errors.js";
import type { CallContext } from "./call_context.js";

/** How other backends prove who they are (`SERVICE_AUTH`). */
export type ServiceAuth = "none" | "key" | "mtls";

/** Judges credentials. */
export interface CredentialJudge {
  readonly serviceAuth: ServiceAuth;
  /** Rejects with the reason why the access token is not good, or DEPENDENCY_UNAVAILABLE. */
  authenticateSession(accessToken: string): SessionCaller | Promise<SessionCaller>;
  /** Resolves to undefined for a key that is unknown or revoked. */
  authenticateServiceKey(
    key: string,
  ): ServiceCaller | undefined | Promise<ServiceCaller | undefined>;
}

/** Says who calls, or throws why the call is refused. Synchronous where the judge is. */
export type Authenticate = (ctx: CallContext) => Caller | Promise<Caller>;

/** The prefix of every service key. */
export const SERVICE_KEY_PREFIX = "cfs_";

/** The caller of a service method when services need not authenticate. */
const UNVERIFIED_SERVICE: ServiceCaller = {
  kind: "service",
  name: "unverified",
  scopes: ["validate"],
};

/** A service key with the name it was made under. */
interface NamedKey {
  readonly name: string;
  readonly key: string;
}

/**
 * The service key of a call in the scheme Basic (RFC 7617): the key's name is the user
 * id, the key the password. OAuth clients send their credentials so. Undefined: there is
 * none; a password that is no service key counts as none.
 */
const basicOf = (ctx: CallContext): NamedKey | undefined => {
  const [value = ""] = ctx.headers("authorization");
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(value) ?? [];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, "base64").toString();
  const at = pair.indexOf(":");
  const [name, key] = [pair.slice(0, at), pair.slice(at + 1)];
  return at >= 0 && key.startsWith(SERVICE_KEY_PREFIX) ? { name, key } : undefined;
};

/**
 * The bearer token of a call; undefined: there is none. Another scheme counts
 * as none (RFC 6750, section 3.1).
 *
 * @throws CurfewError INVALID_ARGUMENT if there is more than one `authorization` (D4)
 */
export const bearerOf = (ctx: CallContext): string | undefined => {
  const values = ctx.headers("authorization");
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) throw invalidField("authorization", "must be sent once");
  // Schemes are compared without case (RFC 9110, section 11.1).
  if (value.slice(0, 7).toLowerCase() !== "bearer ") return undefined;
  return stripped(value.slice(7)) || undefined;
};

const isPermitted = (access: Access, caller: Caller): boolean => {
  switch (access) {
    case Access.PUBLIC:
      return true;
    case Access.SESSION:
      return caller.kind === "session";
    case Access.SERVICE:
      return caller.kind === "service";
    case Access.SERVICE_OR_SESSION:
      return caller.kind !== "anonymous";
    case Access.ADMIN:
      return caller.kind === "session"
        ? caller.roles.includes(ADMIN_ROLE)
        : caller.kind === "service" && caller.scopes.includes("admin");
    case Access.ISSUER:
      return caller.kind === "service" && caller.scopes.includes("issue");
    default:
      return false;
  }
};

/**
 * Makes an Authenticate by the access class of the method:
 *
 * - PUBLIC: no credential is required.
 * - A bearer token, if there is one, is the credential: a service key by its
 *   prefix, else an access token. A bad key is ACCESS_TOKEN_INVALID.
 * - Else a service key in the scheme Basic, with its name. Another name is a bad key.
 * - Else, with mTLS, the client certificate, but not of a call that was
 *   forwarded (`x-forwarded-for`): the certificate is the proxy's there, not the caller's.
 * - Else, with service authentication off, methods for services are open.
 * - Else CREDENTIALS_MISSING. A good credential of the wrong kind: PERMISSION_DENIED.
 */
export const authenticator = (judge: CredentialJudge): Authenticate => {
  const isOpen = (access: Access): boolean =>
    judge.serviceAuth === "none" &&
    (access === Access.SERVICE || access === Access.SERVICE_OR_SESSION);

  const permit = (ctx: CallContext, caller: Caller | undefined): Caller => {
    if (caller === undefined) throw fail("ACCESS_TOKEN_INVALID");
    if (!isPermitted(ctx.rule.access, caller)) {
      ctx.caller = caller;
      throw fail("PERMISSION_DENIED");
    }
    return caller;
  };

  const byCertificate = (ctx: CallContext): Caller => {
    const forwarded = ctx.headers("x-forwarded-for").length > 0;
    const name = judge.serviceAuth === "mtls" && !forwarded ? ctx.peerService : undefined;
    if (name === undefined) throw fail("CREDENTIALS_MISSING");
    return permit(ctx, { kind: "service", name, scopes: ["validate"] });
  };

  const byNamedKey = async (ctx: CallContext, { name, key }: NamedKey): Promise<Caller> => {
    const caller = await judge.authenticateServiceKey(key);
    return permit(ctx, caller?.name === name ? caller : undefined);
  };

  return (ctx) => {
    const { access } = ctx.rule;
    const bearer = bearerOf(ctx);
    if (access === Access.PUBLIC) return ANONYMOUS;
    if (access === Access.UNSPECIFIED) throw fail("PERMISSION_DENIED");
    if (isOpen(access) && (access === Access.SERVICE || bearer === undefined)) {
      return UNVERIFIED_SERVICE;
    }
    if (bearer === undefined) {
      const named = basicOf(ctx);
      return named ? byNamedKey(ctx, named) : byCertificate(ctx);
    }
    const caller = bearer.startsWith(SERVICE_KEY_PREFIX)
      ? judge.authenticateServiceKey(bearer)
      : judge.authenticateSession(bearer);
    return caller instanceof Promise
      ? caller.then((known) => permit(ctx, known))
      : permit(ctx, caller);
  };
};
