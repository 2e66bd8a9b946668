import type { Command } from "commander";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { jsonNumber } from "../../output/report.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { userIdOf } from "../../user_reference.js";

/** Adds `users set-password`. */
export const addSetPassword = (users: Command, context: CommandContext): void => {
  const command = users
    .command("set-password")
    .description("set a user's password, which is asked for, and end all their sessions")
    .argument("<user>", "id or username")
    .action((reference: string, _options: unknown, self: Command) =>
      reportFromServer(context, optionsOf<ConnectionOptions>(self), async (connection) => {
        const userId = await userIdOf(connection, reference);
        const password = await connection.passwords.askNew(`New password of ${reference}`);
        const setPassword = connection.users.setPassword.bind(connection.users);
        const { revision } = await connection.call(setPassword, { userId, password });
        return {
          document: { user_id: userId, revision: jsonNumber(revision) },
          text: `Set the password of ${reference}; all their sessions have ended.`,
        };
      }),
    );
  withCredentialOptions(withTargetOptions(command));
};
