import { fail, invalidField } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore, SessionTransaction } from "../ports/session_store.js";
import type { Actor } from "./manage_users.js";
import type { ExternalIdentity, User } from "./user.js";

/** Identities of one user, so that an answer that lists them stays small. */
export const MAX_IDENTITIES = 32;

/** What administrators do with the identities that users have at other issuers. */
export interface LinkIdentities {
  /** Repeating it is OK. @throws CurfewError ALREADY_EXISTS when another user has the identity */
  link(userId: string, identity: ExternalIdentity, actor: Actor): Promise<User>;
  /** @throws CurfewError NOT_FOUND when the user does not have the identity */
  unlink(userId: string, identity: ExternalIdentity, actor: Actor): Promise<User>;
}

export const linkIdentities = ({
  store,
  clock,
}: {
  store: SessionStore;
  clock: Clock;
}): LinkIdentities => {
  const lock = async (tx: SessionTransaction, userId: string): Promise<User> => {
    const user = await tx.lockUser(userId);
    if (user === undefined) throw fail("NOT_FOUND", { metadata: { user_id: userId } });
    return user;
  };

  const record = (
    tx: SessionTransaction,
    type: "IDENTITY_LINKED" | "IDENTITY_UNLINKED",
    userId: string,
    { issuer, subject }: ExternalIdentity,
    { by, ip }: Actor,
  ): Promise<void> =>
    tx.record([{ type, at: clock.now(), userId, actor: by, ip, metadata: { issuer, subject } }]);

  return {
    link: (userId, identity, actor) =>
      store.transaction(async (tx) => {
        const user = await lock(tx, userId);
        if ((await tx.userOfIdentity(identity)) === userId) return user;
        if ((await tx.countIdentities(userId)) >= MAX_IDENTITIES)
          throw invalidField("user_id", `has ${MAX_IDENTITIES} identities, which is the most`);
        if ((await tx.claimIdentity(identity, userId, clock.now())) !== userId)
          throw fail("ALREADY_EXISTS", { metadata: { field: "subject" } });
        await record(tx, "IDENTITY_LINKED", userId, identity, actor);
        return user;
      }, actor.call),

    unlink: (userId, identity, actor) =>
      store.transaction(async (tx) => {
        const user = await lock(tx, userId);
        if (!(await tx.dropIdentity(identity, userId)))
          throw fail("NOT_FOUND", { metadata: { what: "identity" } });
        await record(tx, "IDENTITY_UNLINKED", userId, identity, actor);
        return user;
      }, actor.call),
  };
};
