import type { Command } from "commander";
import { User } from "../../../../generated/curfew/v1/user.js";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import type { Report } from "../../output/report.js";
import type { Connection } from "../../rpc/connection.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { userIdOf } from "../../user_reference.js";

const setActive =
  (isActive: boolean, told: string) =>
  async ({ users, call }: Connection, userId: string, reference: string): Promise<Report> => {
    const user = User.fromPartial({ userId, isActive });
    await call(users.updateUser.bind(users), { user, updateMask: ["is_active"] });
    return {
      document: { user_id: userId, is_active: isActive },
      text: `${reference} ${told}`,
    };
  };

const unlock = async (
  { users, call }: Connection,
  userId: string,
  reference: string,
): Promise<Report> => {
  await call(users.unlockUser.bind(users), { userId });
  return {
    document: { user_id: userId, unlocked: true },
    text: `${reference} can try to sign in again.`,
  };
};

const SWITCHES = [
  [
    "deactivate",
    "let a user sign in no more, and end all their sessions",
    setActive(false, "is deactivated; all their sessions have ended."),
  ],
  ["activate", "let a deactivated user sign in again", setActive(true, "can sign in again.")],
  ["unlock", "forget a user's failed logins", unlock],
] as const;

/** Adds `users deactivate`, `activate` and `unlock`. */
export const addUserSwitches = (users: Command, context: CommandContext): void => {
  for (const [name, description, change] of SWITCHES) {
    const command = users
      .command(name)
      .description(description)
      .argument("<user>", "id or username")
      .action((reference: string, _options: unknown, self: Command) =>
        reportFromServer(context, optionsOf<ConnectionOptions>(self), async (connection) =>
          change(connection, await userIdOf(connection, reference), reference),
        ),
      );
    withCredentialOptions(withTargetOptions(command));
  }
};
