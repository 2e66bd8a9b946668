import type { Command } from "commander";
import type { CommandContext } from "../../command_context.js";
import { addCreateUser } from "./create.js";
import { addDeleteUser } from "./delete.js";
import { addImportUsers } from "./import.js";
import { addListUsers } from "./list.js";
import { addSetPassword } from "./set_password.js";
import { addUserSwitches } from "./switches.js";
import { addUpdateUser } from "./update.js";

/** Adds `users create`, `import`, `list`, `update`, `set-password`, `delete`, `deactivate`, `activate` and `unlock`. */
export const addUserCommands = (program: Command, context: CommandContext): void => {
  const users = program.command("users").description("people who can sign in");
  addCreateUser(users, context);
  addImportUsers(users, context);
  addListUsers(users, context);
  addUpdateUser(users, context);
  addSetPassword(users, context);
  addDeleteUser(users, context);
  addUserSwitches(users, context);
};
