import { status } from "@grpc/grpc-js";
import { type Command, Option } from "commander";
import type { Session } from "../../../../generated/curfew/v1/session.js";
import { ListSessionsRequest_Order } from "../../../../generated/curfew/v1/session_admin.js";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { count } from "../../option_values.js";
import { sessionDocument, sessionTable } from "../../output/session_view.js";
import type { Connection } from "../../rpc/connection.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { RpcFailure } from "../../rpc/rpc_failure.js";
import { type FilterOptions, filterOf, withFilterOptions } from "./filter.js";

interface ListOptions extends ConnectionOptions, FilterOptions {
  readonly limit: number;
  readonly order: "newest" | "oldest";
}

const MAX_A_PAGE = 1_000;
/** Users whose names are looked up for one list, a call each. */
const MAX_NAMES = 100;

/** Up to one more than the limit, to know whether there are more. */
const find = async (
  connection: Connection,
  options: ListOptions,
  now: number,
): Promise<Session[]> => {
  const filter = await filterOf(connection, options, now);
  const order =
    options.order === "oldest"
      ? ListSessionsRequest_Order.CREATED_ASC
      : ListSessionsRequest_Order.CREATED_DESC;
  const list = connection.sessions.listSessions.bind(connection.sessions);
  const found: Session[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(MAX_A_PAGE, options.limit + 1 - found.length);
    const page = await connection.call(list, { filter, pageSize, pageToken, order });
    found.push(...page.sessions);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length <= options.limit);
  return found;
};

/** Names of the users of sessions. One that cannot be had is left out: the list is worth more. */
const usernamesOf = async (
  { users, call }: Connection,
  sessions: readonly Session[],
): Promise<ReadonlyMap<string, string>> => {
  const names = new Map<string, string>();
  for (const userId of new Set(sessions.map((session) => session.userId))) {
    if (names.size >= MAX_NAMES) break;
    try {
      const { user } = await call(users.getUser.bind(users), { userId });
      if (user !== undefined) names.set(userId, user.username);
    } catch (failure) {
      if (!(failure instanceof RpcFailure)) throw failure;
      if (failure.code !== status.NOT_FOUND) break;
    }
  }
  return names;
};

/** Adds `sessions list`. */
export const addListSessions = (sessions: Command, context: CommandContext): void => {
  const command = sessions
    .command("list")
    .description("list sessions, live and ended")
    .option("--limit <number>", "most sessions to list", count, 50)
    .addOption(
      new Option("--order <order>", "by the time of login")
        .choices(["newest", "oldest"])
        .default("newest"),
    )
    .action((_options: unknown, self: Command) => {
      const options = optionsOf<ListOptions>(self);
      return reportFromServer(context, options, async (connection) => {
        const found = await find(connection, options, context.terminal.now());
        const shown = found.slice(0, options.limit);
        const more = found.length > shown.length ? "\nThere are more: raise --limit." : "";
        const document = shown.map(sessionDocument);
        if (options.json) return { document, text: "" };
        const { output, now } = context.terminal;
        const table = sessionTable(shown, {
          usernames: await usernamesOf(connection, shown),
          now: now(),
          columns: output.isTTY ? output.columns : undefined,
        });
        return { document, text: table + more };
      });
    });
  withCredentialOptions(withTargetOptions(withFilterOptions(command)));
};
