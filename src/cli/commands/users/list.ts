import type { Command } from "commander";
import type { User } from "../../../../generated/curfew/v1/user.js";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { count } from "../../option_values.js";
import { userDocument, userTable } from "../../output/user_view.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { eachUser } from "../../user_reference.js";

interface ListOptions extends ConnectionOptions {
  readonly limit: number;
}

/** Adds `users list`. */
export const addListUsers = (users: Command, context: CommandContext): void => {
  const command = users
    .command("list")
    .description("list users by name")
    .option("--limit <number>", "most users to list", count, 100)
    .action((_options: unknown, self: Command) => {
      const options = optionsOf<ListOptions>(self);
      return reportFromServer(context, options, async (connection) => {
        const found: User[] = [];
        for await (const user of eachUser(connection, Math.min(1_000, options.limit + 1))) {
          found.push(user);
          if (found.length > options.limit) break;
        }
        const shown = found.slice(0, options.limit);
        const more = found.length > shown.length ? "\nThere are more: raise --limit." : "";
        return { document: shown.map(userDocument), text: userTable(shown) + more };
      });
    });
  withCredentialOptions(withTargetOptions(command));
};
