import type { Command } from "commander";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { CommandFailure, misused } from "../../command_failure.js";
import { counted, jsonNumber, type Report } from "../../output/report.js";
import { confirm } from "../../prompt/confirmation.js";
import { type Connection, LONG_TIMEOUT_MS } from "../../rpc/connection.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import type { Terminal } from "../../terminal.js";
import { userIdOf } from "../../user_reference.js";
import { type FilterOptions, filterOf, hasConditions, withFilterOptions } from "./filter.js";
import { countMatching, withRevocationProgress } from "./revocation_progress.js";
import { revokeById } from "./revoke_by_id.js";

interface RevokeOptions extends ConnectionOptions, FilterOptions {
  readonly except?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly note?: string;
}

/** Ended within seconds. */
const SESSIONS_PER_CALL = 20_000;

const ended = (revoked: number, revision: bigint): Report => ({
  document: { revoked_sessions: revoked, revision: jsonNumber(revision) },
  text: `Ended ${counted(revoked, "session")}.`,
});

const revokeOfUser = async (
  connection: Connection,
  user: string,
  { except: exceptSessionId = "", note = "" }: RevokeOptions,
): Promise<Report> => {
  const userId = await userIdOf(connection, user);
  const revoke = connection.sessions.revokeUserSessions.bind(connection.sessions);
  const request = { userId, exceptSessionId, note };
  const { revokedSessions, revision } = await connection.call(revoke, request, LONG_TIMEOUT_MS);
  return ended(revokedSessions, revision);
};

const revokeMatching = async (
  connection: Connection,
  options: RevokeOptions,
  terminal: Terminal,
): Promise<Report> => {
  const { note = "", all = false } = options;
  const filter = await filterOf(connection, options, terminal.now());
  const revoke = connection.sessions.revokeSessions.bind(connection.sessions);
  const request = { filter, note, all, dryRun: false, maxSessions: 0 };
  let matching: number | undefined;
  if (options.dryRun || !options.yes) {
    matching = await countMatching(connection, request);
    if (options.dryRun) {
      return {
        document: { matched_sessions: matching, revoked_sessions: 0 },
        text: `It would end ${counted(matching, "session")}.`,
      };
    }
    await confirm(terminal, `End ${counted(matching, "session")}?`);
  }
  /** Call by call, so that no number of sessions is too large for one deadline. */
  const revokeAll = async () => {
    let revokedSessions = 0;
    for (;;) {
      const part = { ...request, maxSessions: SESSIONS_PER_CALL };
      const answer = await connection.call(revoke, part, LONG_TIMEOUT_MS);
      revokedSessions += answer.revokedSessions;
      // A server of an older version ends all of them at once, and `more` is false.
      if (!answer.more) return { ...answer, revokedSessions };
    }
  };
  const answer = await withRevocationProgress(connection, terminal, request, matching, revokeAll);
  return ended(answer.revokedSessions, answer.revision);
};

/** Refuses ambiguous arguments: a revocation cannot be undone. */
const checkUse = (ids: readonly string[], options: RevokeOptions): void => {
  const chosen = options.user !== undefined || hasConditions(options);
  if (ids.length > 0 && (chosen || options.all || options.dryRun)) {
    throw misused("Session ids and conditions do not go together: give one or the other.");
  }
  if (ids.length === 0 && !chosen && !options.all) {
    throw misused("Say which sessions to end: ids, --user, another condition, or --all.");
  }
  if (options.all && chosen) throw misused("--all and conditions do not go together.");
  if (options.except !== undefined && (options.user === undefined || hasConditions(options))) {
    throw misused("--except goes with --user alone.");
  }
  if (options.except !== undefined && options.dryRun) {
    throw misused("--except and --dry-run do not go together.");
  }
};

/** Adds `sessions revoke`. */
export const addRevokeSessions = (sessions: Command, context: CommandContext): void => {
  const command = sessions
    .command("revoke")
    .description("end sessions: by id, all of a user, or all that match")
    .argument("[session...]", "ids of sessions")
    .option("--except <session>", "with --user: leave this session alone")
    .option("--all", "end every session of the service")
    .option("--dry-run", "only say how many it would be")
    .option("--yes", "do not ask")
    .option("--note <text>", "why, for the audit log")
    .action(async (ids: readonly string[], _options: unknown, self: Command) => {
      const options = optionsOf<RevokeOptions>(self);
      checkUse(ids, options);
      let isComplete = true;
      await reportFromServer(context, options, async (connection) => {
        if (ids.length > 0) {
          const report = await revokeById(connection, ids, options.note ?? "", context.terminal);
          isComplete = report.isComplete;
          return report;
        }
        if (options.user !== undefined && !hasConditions(options) && !options.dryRun) {
          return revokeOfUser(connection, options.user, options);
        }
        return revokeMatching(connection, options, context.terminal);
      });
      // The command has already reported each id.
      if (!isComplete) throw new CommandFailure("");
    });
  withCredentialOptions(withTargetOptions(withFilterOptions(command)));
};
