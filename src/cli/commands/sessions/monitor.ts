import { status } from "@grpc/grpc-js";
import { type Command, Option } from "commander";
import type { GetSessionStatsResponse } from "../../../../generated/curfew/v1/session_admin.js";
import { type CommandContext, optionsOf } from "../../command_context.js";
import type { Observation, ServiceHealth } from "../../monitor/observation.js";
import { watch } from "../../monitor/watch.js";
import { count, seconds } from "../../option_values.js";
import { type Connection, withConnection } from "../../rpc/connection.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import { checkHealth } from "../../rpc/health_check.js";
import { RpcFailure } from "../../rpc/rpc_failure.js";

interface MonitorOptions extends ConnectionOptions {
  readonly interval: number;
  readonly window: number;
  readonly count?: number;
}

const SERVICES = ["", "curfew.v1.AuthService", "curfew.v1.SessionAdmin", "curfew.v1.UserAdmin"];
const HEALTH_TIMEOUT_MS = 2_000;
const DEFAULT_INTERVAL_MS = 1_000;

/** A refusal does not get better by asking again; the same for a call that the server lacks. */
const LASTING = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNIMPLEMENTED]);

const statsOrFailure = async (
  { sessions, call }: Connection,
  windowMinutes: number,
): Promise<GetSessionStatsResponse | RpcFailure> => {
  try {
    return await call(sessions.getSessionStats.bind(sessions), { windowMinutes });
  } catch (error) {
    if (error instanceof RpcFailure && !LASTING.has(error.code)) return error;
    throw error;
  }
};

const healthOf = async (connection: Connection, service: string): Promise<ServiceHealth> => {
  try {
    return { service, status: await checkHealth(connection, service, HEALTH_TIMEOUT_MS) };
  } catch (error) {
    if (!(error instanceof RpcFailure)) throw error;
    return { service, status: error.code === status.NOT_FOUND ? "UNKNOWN" : "UNREACHABLE" };
  }
};

const observe = async (
  connection: Connection,
  windowMinutes: number,
  now: number,
): Promise<Observation> => {
  const [stats, ...health] = await Promise.all([
    statsOrFailure(connection, windowMinutes),
    ...SERVICES.map((service) => healthOf(connection, service)),
  ]);
  return { at: new Date(now), target: connection.target, stats, health };
};

/** Adds `sessions monitor`. */
export const addMonitorSessions = (sessions: Command, context: CommandContext): void => {
  const { terminal } = context;
  const command = sessions
    .command("monitor")
    .description("watch sessions live; without a terminal, a line for each look")
    .addOption(
      new Option("--interval <seconds>", "time between two looks")
        .argParser(seconds)
        .default(DEFAULT_INTERVAL_MS, String(DEFAULT_INTERVAL_MS / 1000)),
    )
    .option("--window <minutes>", "time to count logins and revocations over", count, 60)
    .option("--count <number>", "how many looks to take (default: until Ctrl-C)", count)
    .action((_options: unknown, self: Command) => {
      const options = optionsOf<MonitorOptions>(self);
      return withConnection(options, terminal, (connection) =>
        watch(
          terminal,
          {
            intervalMs: options.interval,
            count: options.count ?? Number.POSITIVE_INFINITY,
            json: options.json ?? false,
          },
          () => observe(connection, options.window, terminal.now()),
        ),
      );
    });
  withCredentialOptions(withTargetOptions(command));
};
