import type { ServiceScope } from "../ports/service_key_store.js";

/** A caller without a credential. */
export interface AnonymousCaller {
  readonly kind: "anonymous";
}

/** A signed-in user, by an access token that was good a moment ago. */
export interface SessionCaller {
  readonly kind: "session";
  readonly userId: string;
  readonly username: string;
  /** The user's roles now, which may be newer than the token's claim. */
  readonly roles: readonly string[];
  readonly sessionId: string;
  /** The single access token the call came with. */
  readonly jti: string;
}

/** Another backend. */
export interface ServiceCaller {
  readonly kind: "service";
  /** From the service key, or from the certificate. */
  readonly name: string;
  readonly scopes: readonly ServiceScope[];
}

export type Caller = AnonymousCaller | SessionCaller | ServiceCaller;

export const ANONYMOUS: AnonymousCaller = { kind: "anonymous" };

/** The role that opens the administration of sessions and users. */
export const ADMIN_ROLE = "admin";

/** The caller as `by` of a revocation and `actor` of an event: a user id, `service:<name>`, or empty. */
export const actorOf = (caller: Caller): string => {
  switch (caller.kind) {
    case "session":
      return caller.userId;
    case "service":
      return `service:${caller.name}`;
    case "anonymous":
      return "";
  }
};
