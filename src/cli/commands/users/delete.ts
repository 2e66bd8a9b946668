import type { Command } from "commander";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { jsonNumber } from "../../output/report.js";
import { confirm } from "../../prompt/confirmation.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { userIdOf } from "../../user_reference.js";

interface DeleteOptions extends ConnectionOptions {
  readonly yes?: boolean;
}

/** Adds `users delete`. */
export const addDeleteUser = (users: Command, context: CommandContext): void => {
  const command = users
    .command("delete")
    .description("delete a user for good, and end all their sessions; `deactivate` can be undone")
    .argument("<user>", "id or username")
    .option("--yes", "do not ask")
    .action((reference: string, _options: unknown, self: Command) => {
      const options = optionsOf<DeleteOptions>(self);
      return reportFromServer(context, options, async (connection) => {
        const userId = await userIdOf(connection, reference);
        if (!options.yes) await confirm(context.terminal, `Delete ${reference} for good?`);
        const deleteUser = connection.users.deleteUser.bind(connection.users);
        const { revision } = await connection.call(deleteUser, { userId });
        return {
          document: { user_id: userId, deleted: true, revision: jsonNumber(revision) },
          text: `Deleted ${reference}; all their sessions have ended.`,
        };
      });
    });
  withCredentialOptions(withTargetOptions(command));
};
