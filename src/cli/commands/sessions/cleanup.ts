import type { Command } from "commander";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { openProgress } from "../../output/progress.js";
import { counted } from "../../output/report.js";
import { LONG_TIMEOUT_MS } from "../../rpc/connection.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";

/** Adds `sessions cleanup`. */
export const addCleanupSessions = (sessions: Command, context: CommandContext): void => {
  const command = sessions
    .command("cleanup")
    .description("mark sessions that timed out as ended, and delete ended ones past retention")
    .action((_options: unknown, self: Command) =>
      reportFromServer(context, optionsOf<ConnectionOptions>(self), async ({ sessions, call }) => {
        const cleanup = sessions.cleanupSessions.bind(sessions);
        const progress = openProgress(context.terminal.errors, { label: "Cleaning up" });
        try {
          const { cleanedSessions } = await call(cleanup, {}, LONG_TIMEOUT_MS);
          return {
            document: { cleaned_sessions: cleanedSessions },
            text: `Cleaned ${counted(cleanedSessions, "session")}.`,
          };
        } finally {
          progress.stop();
        }
      }),
    );
  withCredentialOptions(withTargetOptions(command));
};
