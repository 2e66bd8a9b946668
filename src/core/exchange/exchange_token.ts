import { type Call, requireCaller } from "../call.js";
import { CurfewError, fail, invalidField, type Reason } from "../errors.js";
import type { AuditEvent } from "../events/audit_event.js";
import type { OpenedSession, OpenSession } from "../login/open_session.js";
import { type UnansweredLogins, withdrawal } from "../login/unanswered_logins.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";
import type {
  SubjectToken,
  SubjectTokenExpectations,
  SubjectTokenVerifier,
} from "../ports/subject_token_verifier.js";
import type { RevokeSessions } from "../revocation/revoke_sessions.js";
import type { WithRecentActivity } from "../session/recent_activity.js";
import type { Session } from "../session/session.js";
import type { CoreSettings } from "../settings.js";
import type { FindExternalUser } from "../users/external_user.js";
import type { ExchangeThrottle } from "./exchange_throttle.js";
import { subjectTokenInvalid } from "./subject_token_invalid.js";
import { spendToken, type TokenState, tokenState } from "./token_once.js";
import type { TrustedIssuer } from "./trusted_issuer.js";

export interface ExchangeInput {
  readonly subjectToken: string;
  /** A URN of RFC 8693, section 3; empty: an ID token. */
  readonly subjectTokenType: string;
  /** Empty: the configured one. */
  readonly clientId: string;
  readonly nonce?: string | undefined;
  readonly device: string;
  readonly ip: string;
  readonly userAgent: string;
  /** Leave the roles out of the access token. */
  readonly omitRoles?: boolean | undefined;
}

const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:";

const typeOf = (subjectTokenType: string): SubjectTokenExpectations["type"] => {
  switch (subjectTokenType) {
    case "":
    case `${TOKEN_TYPE}id_token`:
      return "id_token";
    case `${TOKEN_TYPE}jwt`:
      return "jwt";
    default:
      throw invalidField("subject_token_type", `must be ${TOKEN_TYPE}id_token or ${TOKEN_TYPE}jwt`);
  }
};

/** The application that the session is for, which the issuer must be allowed to sign in to. */
const clientIdOf = (asked: string, { clientIds }: TrustedIssuer, byDefault: string): string => {
  if (clientIds === undefined) return asked || byDefault;
  const [first = byDefault] = clientIds;
  const clientId = asked || (clientIds.includes(byDefault) ? byDefault : first);
  if (!clientIds.includes(clientId))
    throw fail("PERMISSION_DENIED", { metadata: { field: "client_id" } });
  return clientId;
};

/** The name of a user who is made for a token; undefined: none is made. */
const newUsernameOf = ({ issuer, username, subject }: SubjectToken): string | undefined => {
  if (!issuer.createUsers) return undefined;
  if (username !== undefined) return username;
  // The operator who configured the claim relies on names of its kind.
  if (issuer.claims.username !== undefined)
    throw subjectTokenInvalid("claims", issuer.claims.username);
  return subject;
};

export type ExchangeToken = (input: ExchangeInput, call?: Call) => Promise<OpenedSession>;

/**
 * Exchanges an ID token of a trusted issuer for a session, on the path of every
 * other call that makes one (I1). The token is accepted once (I2).
 */
export const exchangeToken = (deps: {
  verifier: SubjectTokenVerifier;
  open: OpenSession;
  findUser: FindExternalUser;
  end: Pick<RevokeSessions, "awaitUserRevoked">;
  store: SessionStore;
  throttle: ExchangeThrottle;
  unanswered: Pick<UnansweredLogins, "includes">;
  withRecentActivity: WithRecentActivity;
  clock: Clock;
  settings: Pick<CoreSettings, "defaultClientId" | "maxLifetimeMs">;
}): ExchangeToken => {
  const { verifier, open, store, throttle, unanswered, clock, settings } = deps;

  const verify = async (input: ExchangeInput): Promise<SubjectToken> => {
    const type = typeOf(input.subjectTokenType);
    const token = await verifier.verify(input.subjectToken, { type, nonce: input.nonce });
    // The session would end before it begins.
    if (token.authTime + settings.maxLifetimeMs <= clock.now())
      throw subjectTokenInvalid("auth_time");
    return token;
  };

  const isUnanswered = async (session: Session): Promise<boolean> => {
    const [recent = session] = await deps.withRecentActivity([session]);
    return unanswered.includes(recent, clock.now());
  };

  const openFor = async (
    token: SubjectToken,
    { clientId, subjectToken: _, subjectTokenType: __, nonce: ___, ...given }: ExchangeInput,
    call: Call | undefined,
  ): Promise<OpenedSession> => {
    const { issuer, subject, acr, amr, authTime } = token;
    let state: TokenState | undefined;
    let isUserChanged = false;
    const result = await open(
      {
        terms: {
          ...given,
          clientId: clientIdOf(clientId, issuer, settings.defaultClientId),
          amr,
          acr,
          authTime,
          metadata: { issuer: issuer.issuer },
        },
        async subject(tx) {
          const { user, isChanged } = await deps.findUser(tx, {
            identity: { issuer: issuer.issuer, subject },
            profile: token,
            newUsername: newUsernameOf(token),
            ip: given.ip,
          });
          if (!user.isActive) throw fail("USER_INACTIVE");
          isUserChanged = isChanged;
          state = await tokenState(tx, token, isUnanswered);
          return { kind: "user", user };
        },
        async made(tx, session) {
          if (state === undefined) throw new Error("a session was made for no subject");
          await spendToken(tx, token, session.id, state);
          if (state.toWithdraw !== undefined)
            await tx.revokeSessions([withdrawal(state.toWithdraw.id, clock.now())]);
        },
      },
      call,
    );
    if (result.kind === "changed") throw new Error("an identity does not change under its lock");
    if (result.kind === "refused") throw fail(result.reason);
    if (isUserChanged) await deps.end.awaitUserRevoked(result.value.user.id);
    return result.value;
  };

  /** Writes the security event of a refusal. Resolves to the answer. */
  const refuse = async (
    failure: CurfewError,
    token: SubjectToken | undefined,
    ip: string,
    call: Call | undefined,
  ): Promise<CurfewError> => {
    const { reason, metadata } = failure;
    if (!REFUSALS.has(reason)) return failure;
    if (reason === "SUBJECT_TOKEN_INVALID") {
      const tooMany = throttle.count(ip);
      if (tooMany !== undefined) return tooMany;
    }
    const event: AuditEvent = {
      type: "LOGIN_FAILED",
      at: clock.now(),
      ip,
      reason,
      // The issuer is known only of a token that was verified.
      metadata: { ...metadata, ...(token && { issuer: token.issuer.issuer }) },
    };
    await store.transaction((tx) => tx.record([event]), call);
    return failure;
  };

  return async (input, call) => {
    requireCaller(call);
    let token: SubjectToken | undefined;
    try {
      token = await verify(input);
      return await openFor(token, input, call);
    } catch (failure) {
      if (!(failure instanceof CurfewError)) throw failure;
      throw await refuse(failure, token, input.ip, call);
    }
  };
};

/** Failures that say something of who tried to sign in; of the others no event is written. */
const REFUSALS: ReadonlySet<Reason> = new Set([
  "SUBJECT_TOKEN_INVALID",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "USER_INACTIVE",
  "SESSION_LIMIT_EXCEEDED",
]);
