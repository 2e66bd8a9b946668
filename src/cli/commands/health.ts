import { status } from "@grpc/grpc-js";
import type { Command } from "commander";
import { type CommandContext, optionsOf } from "../command_context.js";
import { CommandFailure } from "../command_failure.js";
import { printReport } from "../output/report.js";
import { channelCredentials } from "../rpc/channel_credentials.js";
import { openChannel, targetOf } from "../rpc/connection.js";
import { type ConnectionOptions, withTargetOptions } from "../rpc/connection_options.js";
import { checkHealth, type HealthTarget } from "../rpc/health_check.js";
import { localCredentials } from "../rpc/local_credentials.js";
import { RpcFailure } from "../rpc/rpc_failure.js";

interface HealthOptions extends ConnectionOptions {
  readonly service?: string;
}

const DEFAULT_TIMEOUT_MS = 3_000;

const ask = async (
  server: HealthTarget,
  { service = "", timeout = DEFAULT_TIMEOUT_MS }: HealthOptions,
): Promise<string> => {
  try {
    return await checkHealth(server, service, timeout);
  } catch (error) {
    if (error instanceof RpcFailure && error.code === status.NOT_FOUND) return "SERVICE_UNKNOWN";
    throw error;
  } finally {
    server.channel.close();
  }
};

/** Adds `health`, which ends with 0 when the server answers that it serves, else with 1. */
export const addHealthCommand = (program: Command, context: CommandContext): void => {
  const { terminal } = context;
  const command = program
    .command("health")
    .description("ask a server whether it serves; ends with 0 if so, else with 1")
    .option("--service <name>", "ask for one service, for example curfew.v1.AuthService")
    .action(async (_options: unknown, self: Command) => {
      const options = optionsOf<HealthOptions>(self);
      const target = targetOf(options, terminal);
      const credentials =
        localCredentials(options, terminal.environment) ??
        channelCredentials(options, terminal.environment);
      const channel = openChannel(target, credentials, options.tlsServerName);
      const answer = await ask({ target, channel, credentials }, options);
      const about = options.service === undefined ? "" : ` for ${options.service}`;
      if (answer !== "SERVING" && !options.json) {
        throw new CommandFailure(`Curfew at ${target} answers ${answer}${about}.`);
      }
      printReport(terminal.output, options.json, {
        document: { target, service: options.service ?? "", status: answer },
        text: answer,
      });
      if (answer !== "SERVING") throw new CommandFailure("");
    });
  withTargetOptions(command);
};
