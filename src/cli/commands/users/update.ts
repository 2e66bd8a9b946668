import { type Command, Option } from "commander";
import { User } from "../../../../generated/curfew/v1/user.js";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { CommandFailure, misused } from "../../command_failure.js";
import { collect } from "../../option_values.js";
import { userDocument, userTable } from "../../output/user_view.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { userIdOf } from "../../user_reference.js";

interface UpdateOptions extends ConnectionOptions {
  readonly displayName?: string;
  readonly role?: readonly string[];
  /** True unless `--no-roles` was given. */
  readonly roles: boolean;
}

/** The fields that the options set, by the names of the proto. */
const changesOf = ({ displayName, role, roles: keepsRoles }: UpdateOptions) => {
  if (role !== undefined && !keepsRoles) {
    throw misused("--role and --no-roles are two ways to set the roles: give one.");
  }
  const roles = keepsRoles ? role : [];
  const updateMask = [
    ...(displayName === undefined ? [] : ["display_name"]),
    ...(roles === undefined ? [] : ["roles"]),
  ];
  if (updateMask.length === 0) {
    throw misused("Say what to change: --display-name, --role or --no-roles.");
  }
  return { updateMask, user: { displayName: displayName ?? "", roles: [...(roles ?? [])] } };
};

/** Adds `users update`. */
export const addUpdateUser = (users: Command, context: CommandContext): void => {
  const command = users
    .command("update")
    .description("change a user's display name or roles")
    .argument("<user>", "id or username")
    .option("--display-name <name>", "the name to show; empty: none")
    .addOption(
      new Option(
        "--role <role>",
        "what the user may do; repeatable, and the roles given replace all they had",
      ).argParser(collect),
    )
    .option("--no-roles", "take all roles away")
    .action((reference: string, _options: unknown, self: Command) => {
      const options = optionsOf<UpdateOptions>(self);
      const { updateMask, user } = changesOf(options);
      return reportFromServer(context, options, async (connection) => {
        const userId = await userIdOf(connection, reference);
        const request = { user: User.fromPartial({ userId, ...user }), updateMask };
        const update = connection.users.updateUser.bind(connection.users);
        const answer = await connection.call(update, request);
        if (answer.user === undefined)
          throw new CommandFailure("The server answered without a user.");
        return { document: userDocument(answer.user), text: userTable([answer.user]) };
      });
    });
  withCredentialOptions(withTargetOptions(command));
};
