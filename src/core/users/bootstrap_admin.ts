import { ADMIN_ROLE } from "../caller/caller.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type { SessionStore } from "../ports/session_store.js";
import type { UserStore } from "../ports/user_store.js";
import { type Account, foldUsername } from "./user.js";

/**
 * Makes the first administrator, if there is no user yet; safe when many
 * replicas start at once. The password is the operator's choice and passes no
 * policy. Resolves to whether this call made it.
 */
export const bootstrapAdmin =
  (deps: {
    store: SessionStore;
    users: UserStore;
    hasher: PasswordHasher;
    ids: IdSource;
    clock: Clock;
  }) =>
  async (username: string, password: string): Promise<boolean> => {
    if (!(await deps.users.isEmpty())) return false;
    const now = deps.clock.now();
    const account: Account = {
      id: deps.ids.next(now),
      username,
      displayName: username,
      roles: [ADMIN_ROLE],
      isActive: true,
      createdAt: now,
      passwordHash: await deps.hasher.hash(password),
    };
    return deps.store.transaction(async (tx) => {
      const outcome = await tx.insertUser(account, foldUsername(username));
      if (outcome === "username_taken") return false;
      await tx.record([{ type: "USER_CREATED", at: now, userId: account.id, actor: "system" }]);
      return true;
    });
  };
