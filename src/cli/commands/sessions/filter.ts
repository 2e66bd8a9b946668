import { type Command, Option } from "commander";
import { Session_State } from "../../../../generated/curfew/v1/session.js";
import { SessionFilter } from "../../../../generated/curfew/v1/session_admin.js";
import { moment } from "../../option_values.js";
import type { Connection } from "../../rpc/connection.js";
import { userIdOf } from "../../user_reference.js";

const STATES = {
  active: Session_State.ACTIVE,
  idle_timeout: Session_State.IDLE_TIMEOUT,
  expired: Session_State.EXPIRED,
  revoked: Session_State.REVOKED,
} as const;

type Moment = (now: number) => Date;

/** Which sessions, as the command line says it. */
export interface FilterOptions {
  readonly user?: string;
  readonly state?: keyof typeof STATES;
  readonly ip?: string;
  readonly createdAfter?: Moment;
  readonly createdBefore?: Moment;
  readonly inactiveSince?: Moment;
}

/** Adds the options that choose sessions; they are joined by "and". */
export const withFilterOptions = (command: Command): Command =>
  command
    .option("--user <user>", "of this user: id or username")
    .addOption(new Option("--state <state>", "in this state").choices(Object.keys(STATES)))
    .option("--ip <address>", "signed in from this address")
    .option("--created-after <time>", "made at or after a time or age (2026-05-01, 12h)", moment)
    .option("--created-before <time>", "made before a time or age", moment)
    .option("--inactive-since <time>", "not used since a time or age", moment);

/** Whether there is any condition besides the user. */
export const hasConditions = (options: FilterOptions): boolean =>
  options.state !== undefined ||
  options.ip !== undefined ||
  options.createdAfter !== undefined ||
  options.createdBefore !== undefined ||
  options.inactiveSince !== undefined;

/** The filter that the options say. */
export const filterOf = async (
  connection: Connection,
  options: FilterOptions,
  now: number,
): Promise<SessionFilter> =>
  SessionFilter.fromPartial({
    userId: options.user === undefined ? "" : await userIdOf(connection, options.user),
    state: options.state === undefined ? Session_State.UNSPECIFIED : STATES[options.state],
    ip: options.ip ?? "",
    createdAfter: options.createdAfter?.(now),
    createdBefore: options.createdBefore?.(now),
    inactiveSince: options.inactiveSince?.(now),
  });
