import type { Command } from "commander";
import type { CommandContext } from "../../command_context.js";
import { addCleanupSessions } from "./cleanup.js";
import { addListSessions } from "./list.js";
import { addMonitorSessions } from "./monitor.js";
import { addRevokeSessions } from "./revoke.js";
import { addWhy } from "./why.js";

/** Adds `sessions list`, `revoke`, `cleanup`, `why` and `monitor`. */
export const addSessionCommands = (program: Command, context: CommandContext): void => {
  const sessions = program
    .command("sessions")
    .description("who is signed in, and why somebody no longer is");
  addListSessions(sessions, context);
  addRevokeSessions(sessions, context);
  addCleanupSessions(sessions, context);
  addWhy(sessions, context);
  addMonitorSessions(sessions, context);
};
