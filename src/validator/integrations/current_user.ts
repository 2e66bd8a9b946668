import type { ValidSession } from "../valid_session.js";
import type { Validator } from "../validator.js";
import { ValidatorError } from "../validator_error.js";

/** Who is calling, and in which session. */
export interface CurrentUser {
  readonly userId: string;
  readonly username: string;
  readonly roles: readonly string[];
  readonly session: ValidSession;
}

/** What a request, or the metadata of a gRPC call, was let in with. */
interface Admission {
  readonly validator: Validator;
  readonly token: string;
  readonly user: CurrentUser;
}

// By identity, so that nothing a caller sends can stand for it.
const admissions = new WeakMap<object, Admission>();

export const userOf = (session: ValidSession): CurrentUser => {
  const { userId, username, roles } = session;
  return { userId, username, roles, session };
};

/** Checks a token and remembers, under `key`, whom it let in. */
export const admit = async (
  key: object,
  validator: Validator,
  token: string,
): Promise<CurrentUser> => {
  const session = validator.validateNow(token) ?? (await validator.validate(token));
  const user = userOf(session);
  admissions.set(key, { validator, token, user });
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
  const { validator, token } = admissionOf(key);
  return userOf(await validator.validate(token, { fresh: true }));
};

/** Throws PERMISSION_DENIED unless the user has one of the roles. */
export const assertRole = (user: CurrentUser, roles: readonly string[]): void => {
  if (!roles.some((role) => user.roles.includes(role)))
    throw new ValidatorError("PERMISSION_DENIED");
};

/** Looks after a stream that the request opened. */
export const guardAdmission = (key: object, onEnded: (error: ValidatorError) => void) => {
  const { validator, token, user } = admissionOf(key);
  return validator.guard(token, user.session, onEnded);
};
