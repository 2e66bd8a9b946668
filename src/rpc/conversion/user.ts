import type { User as PbUser } from "../../../generated/curfew/v1/user.js";
import type { User } from "../../core/users/user.js";

export const userToProto = (user: User): PbUser => ({
  userId: user.id,
  username: user.username,
  displayName: user.displayName,
  roles: [...user.roles],
  isActive: user.isActive,
  createdAt: new Date(user.createdAt),
});
