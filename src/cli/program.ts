import { Command } from "commander";
import { VERSION } from "../config/version.js";
import type { CommandContext } from "./command_context.js";
import { addCompletionCommands } from "./commands/completion.js";
import { addHealthCommand } from "./commands/health.js";
import { addKeyCommands } from "./commands/keys.js";
import { addMigrateCommands } from "./commands/migrate.js";
import { addServeCommands } from "./commands/serve.js";
import { addServiceCommands } from "./commands/services.js";
import { addSessionCommands } from "./commands/sessions/index.js";
import { addUserCommands } from "./commands/users/index.js";
import type { OpenLocalAdmin } from "./local_admin.js";
import type { Terminal } from "./terminal.js";

/**
 * The command `curfew`. Commands that call a server do so by gRPC; the others
 * have their work done by the local admin, which is opened when it is needed.
 * `json`: the error stream is for programs, so no help is written there.
 */
export const buildProgram = (
  openLocalAdmin: OpenLocalAdmin,
  terminal: Terminal,
  json: boolean,
): Command => {
  const program = new Command("curfew")
    .description(
      "Session authority: signs people in, keeps their sessions, says which tokens are good.",
    )
    .version(VERSION, "-V, --version", "say which version this is")
    .option("--json", "print one JSON document instead of text")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.output.write(text),
      writeErr: (text) => {
        if (!json) terminal.errors.write(text);
      },
      // `runProgram` prints the error: the thrown error has the same text.
      outputError: () => undefined,
    })
    .exitOverride();
  const context: CommandContext = { terminal, openLocalAdmin };
  addServeCommands(program, context);
  addMigrateCommands(program, context);
  addUserCommands(program, context);
  addServiceCommands(program, context);
  addSessionCommands(program, context);
  addKeyCommands(program, context);
  addHealthCommand(program, context);
  addCompletionCommands(program);
  return program;
};
