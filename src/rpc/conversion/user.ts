import type { User as PbUser } from "../../../generated/curfew/v1/user.js";
import type { ExternalIdentity, User } from "../../core/users/user.js";

/** @param identities for administrators alone */
export const userToProto = (user: User, identities: readonly ExternalIdentity[] = []): PbUser => ({
  userId: user.id,
  username: user.username,
  displayName: user.displayName,
  roles: [...user.roles],
  isActive: user.isActive,
  createdAt: new Date(user.createdAt),
  identities: [...identities],
});
