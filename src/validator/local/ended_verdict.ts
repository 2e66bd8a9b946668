import type { Revocation } from "../../../generated/curfew/v1/revocation.js";
import { EndReason_Value } from "../../../generated/curfew/v1/session.js";
import { ValidatorError } from "../validator_error.js";

/** Why a session's tokens are refused; a new error for each refusal. */
export type Verdict = () => ValidatorError;

/** The verdict that Curfew itself gives on a token of a session that ended so. */
export const endedVerdict = ({ reason, revokedAt }: Revocation): Verdict => {
  const metadata = {
    end_reason: EndReason_Value[reason] ?? "UNSPECIFIED",
    ended_at: (revokedAt ?? new Date(0)).toISOString(),
  };
  switch (reason) {
    case EndReason_Value.IDLE_TIMEOUT:
      return () => new ValidatorError("SESSION_INACTIVITY_TIMEOUT", { metadata });
    case EndReason_Value.EXPIRED:
      return () => new ValidatorError("SESSION_EXPIRED", { metadata });
    case EndReason_Value.USER_DISABLED:
    case EndReason_Value.USER_DELETED:
      return () => new ValidatorError("USER_INACTIVE", { metadata });
    default:
      return () => new ValidatorError("ACCESS_TOKEN_BLACKLISTED", { metadata });
  }
};

const OF_THE_SESSION: ReadonlySet<string> = new Set([
  "SESSION_EXPIRED",
  "SESSION_INACTIVITY_TIMEOUT",
  "SESSION_REVOKED_OR_INVALID",
  "ACCESS_TOKEN_BLACKLISTED",
  "USER_INACTIVE",
]);

/** The same refusal for every later check, if it is about the session and not about the one token (L2). */
export const lastingVerdict = (error: unknown): Verdict | undefined => {
  if (!(error instanceof ValidatorError) || !OF_THE_SESSION.has(error.reason)) return undefined;
  const { reason, message: detail, metadata } = error;
  return () => new ValidatorError(reason, { detail, metadata });
};
