import { type Call, requireCaller } from "../call.js";
import { sourceOf } from "../caller/source.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type { UserStore } from "../ports/user_store.js";
import type { CoreSettings } from "../settings.js";
import { type Account, foldUsername } from "../users/user.js";
import type { OpenedSession, OpenSession } from "./open_session.js";
import type { ActionResult, TryPassword } from "./password_attempt.js";

export interface LoginInput {
  readonly username: string;
  readonly password: string;
  readonly device: string;
  readonly ip: string;
  readonly userAgent: string;
  /** The application that the user signs in to; absent or empty: the configured one. */
  readonly clientId?: string | undefined;
  /** Leave the roles out of the access token. */
  readonly omitRoles?: boolean | undefined;
}

export type LoginOutput = OpenedSession;

/** Signs a user in with a password and makes a session. No lock is held while hashing. */
export const login = (deps: {
  open: OpenSession;
  users: UserStore;
  tryPassword: TryPassword;
  hasher: PasswordHasher;
  settings: Pick<CoreSettings, "defaultClientId">;
}): ((input: LoginInput, call?: Call) => Promise<LoginOutput>) => {
  const { users, hasher, settings } = deps;

  /** Makes the session of a user whose password was right. */
  const signIn = async (
    input: LoginInput,
    account: Account,
    needsRehash: boolean,
    call: Call | undefined,
  ): Promise<ActionResult<LoginOutput>> => {
    if (!account.isActive) return { kind: "refused", reason: "USER_INACTIVE" };
    const newHash = needsRehash
      ? await hasher.hash(input.password, sourceOf(input.ip), call)
      : undefined;
    const { username: _, password: __, clientId, ...given } = input;
    return deps.open(
      {
        terms: { ...given, clientId: clientId || settings.defaultClientId, amr: ["pwd"] },
        async subject(tx) {
          const user = await tx.lockUser(account.id);
          const isSame =
            user?.passwordHash === account.passwordHash && user?.isActive === account.isActive;
          if (user === undefined || !isSame) return { kind: "changed" };
          if (newHash !== undefined) await tx.updateUser(user.id, { passwordHash: newHash });
          return { kind: "user", user };
        },
      },
      call,
    );
  };

  return async (input, call) => {
    requireCaller(call);
    const usernameFolded = foldUsername(input.username);
    return deps.tryPassword({
      usernameFolded,
      password: input.password,
      ip: input.ip,
      call,
      find: () => users.findByUsername(usernameFolded),
      act: (account, needsRehash) => signIn(input, account, needsRehash, call),
    });
  };
};
