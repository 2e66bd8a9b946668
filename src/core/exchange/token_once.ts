import type { SessionTransaction } from "../ports/session_store.js";
import type { SubjectToken } from "../ports/subject_token_verifier.js";
import type { Session } from "../session/session.js";
import { subjectTokenInvalid } from "./subject_token_invalid.js";

/** The state of a token that is about to be used, as a transaction found it. */
export interface TokenState {
  /** The session of an earlier exchange that was not answered; undefined: there was none. */
  readonly usedFor: string | undefined;
  /** That session, if it is still open: it has to be withdrawn. */
  readonly toWithdraw: Session | undefined;
}

type Token = Pick<SubjectToken, "fingerprint" | "acceptedUntil">;

/**
 * Checks whether a subject token may be used (I2). A token whose exchange was committed but not answered may be used
 * again: no client holds the tokens of its session (O3).
 *
 * @param isUnanswered whether no client holds the tokens of an open session
 * @throws CurfewError SUBJECT_TOKEN_INVALID when the token was used
 */
export const tokenState = async (
  tx: SessionTransaction,
  { fingerprint }: Token,
  isUnanswered: (session: Session) => Promise<boolean>,
): Promise<TokenState> => {
  const usedFor = await tx.sessionOfSubjectToken(fingerprint);
  if (usedFor === undefined) return { usedFor, toWithdraw: undefined };
  const session = await tx.lockSession(usedFor);
  if (session?.end?.reason === "LOGIN_UNANSWERED") return { usedFor, toWithdraw: undefined };
  const isWithdrawable =
    session !== undefined && session.end === undefined && (await isUnanswered(session));
  if (!isWithdrawable) throw subjectTokenInvalid("replayed");
  return { usedFor, toWithdraw: session };
};

/**
 * Notes the use of a token in the transaction that makes its session: an exchange
 * that fails does not use the token up.
 *
 * @throws CurfewError SUBJECT_TOKEN_INVALID when another call was first
 */
export const spendToken = async (
  tx: SessionTransaction,
  { fingerprint, acceptedUntil }: Token,
  sessionId: string,
  { usedFor }: TokenState,
): Promise<void> => {
  const use = { fingerprint, sessionId, acceptedUntil };
  if (!(await tx.markTokenUsed(use, usedFor))) throw subjectTokenInvalid("replayed");
};
