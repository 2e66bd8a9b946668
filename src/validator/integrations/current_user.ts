import type { SessionGuard } from "../session_guard.js";
import type { ValidSession } from "../valid_session.js";
import type { Validator } from "../validator.js";
import { ValidatorError } from "../validator_error.js";

/** The calling user and the session of the call. */
export interface CurrentUser {
  readonly userId: string;
  readonly username: string;
  readonly roles: readonly string[];
  readonly session: ValidSession;
}

/** The credentials with which a request, or the metadata of a gRPC call, was admitted. */
interface Admission {
  readonly validator: Validator;
  readonly token: string;
  readonly user: CurrentUser;
  /** Nothing that follows from it counts as a use of the session. */
  readonly isBackground: boolean;
}

// By identity, so that nothing a caller sends can stand for it.
const admissions = new WeakMap<object, Admission>();

export const userOf = (session: ValidSession): CurrentUser => {
  const { userId, username, roles } = session;
  return { userId, username, roles, session };
};

/**
 * Checks a token and stores the admitted user under `key`.
 *
 * @param isBackground whether no user caused the request, so that its session may become idle
 */
export const admit = async (
  key: object,
  validator: Validator,
  token: string,
  isBackground = false,
): Promise<CurrentUser> => {
  // `validateNow` counts as a use.
  const known = isBackground ? undefined : validator.validateNow(token);
  const options = isBackground ? { skipActivity: true } : {};
  const user = userOf(known ?? (await validator.validate(token, options)));
  admissions.set(key, { validator, token, user, isBackground });
  return user;
};

const admissionOf = (key: object): Admission => {
  const admission = admissions.get(key);
  if (admission === undefined) throw new ValidatorError("CREDENTIALS_MISSING");
  return admission;
};

/** The user of a request that was let in. Throws CREDENTIALS_MISSING for one that was not. */
export const currentUser = (key: object): CurrentUser => admissionOf(key).user;

/**
 * The user, asked of Curfew anew: active at this moment, with today's roles, and
 * not up to `maxStaleness` ago. For what cannot be taken back.
 */
export const currentActiveUser = async (key: object): Promise<CurrentUser> => {
  const { validator, token, isBackground } = admissionOf(key);
  const options = { fresh: true, skipActivity: isBackground };
  return userOf(await validator.validate(token, options));
};

/** Throws PERMISSION_DENIED unless the user has one of the roles. */
export const assertRole = (user: CurrentUser, roles: readonly string[]): void => {
  if (!roles.some((role) => user.roles.includes(role)))
    throw new ValidatorError("PERMISSION_DENIED");
};

/** Looks after a stream that the request opened. Messages of a background stream are no uses. */
export const guardAdmission = (
  key: object,
  onEnded: (error: ValidatorError) => void,
): SessionGuard => {
  const { validator, token, user, isBackground } = admissionOf(key);
  const guard = validator.guard(token, user.session, onEnded);
  return isBackground ? { ...guard, touch: () => undefined } : guard;
};
