import type { Command } from "commander";
import type { CommandContext } from "../../command_context.js";
import { addCreateUser } from "./create.js";
import { addImportUsers } from "./import.js";
import { addListUsers } from "./list.js";
import { addSetPassword } from "./set_password.js";
import { addUserSwitches } from "./switches.js";

/** Adds `users create`, `import`, `list`, `set-password`, `deactivate`, `activate` and `unlock`. */
export const addUserCommands = (program: Command, context: CommandContext): void => {
  const users = program.command("users").description("people who can sign in");
  addCreateUser(users, context);
  addImportUsers(users, context);
  addListUsers(users, context);
  addSetPassword(users, context);
  addUserSwitches(users, context);
};
