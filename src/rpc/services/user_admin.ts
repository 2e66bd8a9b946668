import type {
  UpdateUserRequest,
  UserAdminService,
} from "../../../generated/curfew/v1/user_admin.js";
import { actorOf } from "../../core/caller/caller.js";
import { fail, invalidField } from "../../core/errors.js";
import { pageSizeOf, readPageToken, writePageToken } from "../../core/session/list_sessions.js";
import type { Actor } from "../../core/users/manage_users.js";
import type { User } from "../../core/users/user.js";
import type { CallContext } from "../call_context.js";
import { userToProto } from "../conversion/user.js";
import type { HandlersOf } from "../handlers.js";
import type { ServiceDeps } from "./service_deps.js";

const actor = (call: CallContext): Actor => ({ by: actorOf(call.caller), ip: call.ip, call });

/** Cursors of earlier versions carried a name, and are refused. */
const LIST_USERS = "users by id and name";

export const userAdmin = (deps: ServiceDeps): HandlersOf<typeof UserAdminService> => {
  const { core, users } = deps;
  const withIdentities = async (found: readonly User[]) => {
    const identities = await users.identitiesOf(found.map(({ id }) => id));
    return found.map((user) => userToProto(user, identities.get(user.id)));
  };
  const shown = async (user: User) => (await withIdentities([user]))[0];
  return {
    async createUser({ username, password, displayName, roles }, call) {
      const user = { username, password, displayName, roles };
      return { user: userToProto(await core.users.create(user, actor(call))) };
    },

    async getUser({ userId }) {
      const user = await users.get(userId);
      if (user === undefined) throw fail("NOT_FOUND", { metadata: { user_id: userId } });
      return { user: await shown(user) };
    },

    async listUsers({ pageSize, pageToken }) {
      const limit = pageSizeOf(pageSize);
      const after = pageToken === "" ? undefined : readPageToken(pageToken, LIST_USERS);
      const page = await users.list(after, limit);
      return {
        users: await withIdentities(page.users),
        nextPageToken: page.next === undefined ? "" : writePageToken(page.next, LIST_USERS),
      };
    },

    async updateUser(request, call) {
      const userId = request.user?.userId ?? "";
      if (userId === "") throw invalidField("user.user_id", "must name the user to change");
      const user = await core.users.update(userId, patchOf(request), actor(call));
      return { user: await shown(user) };
    },

    async setPassword({ userId, password }, call) {
      return { revision: await core.users.setPassword(userId, password, actor(call)) };
    },

    async unlockUser({ userId }, call) {
      await core.users.unlock(userId, actor(call));
      return {};
    },

    async linkIdentity({ userId, issuer, subject }, call) {
      const user = await core.identities.link(userId, { issuer, subject }, actor(call));
      return { user: await shown(user) };
    },

    async unlinkIdentity({ userId, issuer, subject }, call) {
      const user = await core.identities.unlink(userId, { issuer, subject }, actor(call));
      return { user: await shown(user) };
    },

    async deleteUser({ userId }, call) {
      return { revision: await core.users.delete(userId, actor(call)) };
    },
  };
};

/** The fields that the mask names; without a mask, the fields that are set (AIP-134). */
const patchOf = ({
  user,
  updateMask,
}: UpdateUserRequest): Parameters<ServiceDeps["core"]["users"]["update"]>[1] => {
  const { displayName = "", roles = [], isActive = false } = user ?? {};
  const fields: Record<string, object> = {
    display_name: { displayName },
    roles: { roles },
    is_active: { isActive },
  };
  const set = [
    ...(displayName === "" ? [] : ["display_name"]),
    ...(roles.length === 0 ? [] : ["roles"]),
    ...(isActive ? ["is_active"] : []),
  ];
  const mask = updateMask === undefined || updateMask.length === 0 ? set : updateMask;
  const paths = mask.includes("*") ? Object.keys(fields) : mask;
  if (paths.length === 0)
    throw invalidField(
      "update_mask",
      `must name at least one of ${Object.keys(fields).join(", ")}`,
    );
  return Object.assign(
    {},
    ...paths.map((path) => {
      const field = fields[path];
      if (field === undefined)
        throw invalidField(
          "update_mask",
          `"${path}" cannot be changed; name some of ${Object.keys(fields).join(", ")}`,
        );
      return field;
    }),
  );
};
