import type { Command } from "commander";
import { loadSettings } from "../../config/load_settings.js";
import type { Settings } from "../../config/settings.js";
import { createLogger, type Logger } from "../../telemetry/logger.js";
import { routeFailures } from "../../telemetry/process_failures.js";
import { routeWarnings } from "../../telemetry/process_warnings.js";
import { type CommandContext, optionsOf } from "../command_context.js";
import type { GlobalOptions } from "../global_options.js";
import { firstUserLine, firstUserText } from "../output/first_user.js";

/** Whether the output goes to a terminal; otherwise it is JSON lines. */
const isForPeople = (
  { terminal }: CommandContext,
  { json }: GlobalOptions,
  { production }: Settings,
): boolean => Boolean(terminal.output.isTTY) && !production && !json;

const loggerFor = (context: CommandContext, options: GlobalOptions, settings: Settings): Logger => {
  const logger = createLogger({
    level: settings.logLevel,
    people: isForPeople(context, options, settings),
    destination: context.terminal.log,
  });
  for (const warning of settings.warnings) logger.warn(warning);
  return logger;
};

/** Adds `serve` and `gateway`. */
export const addServeCommands = (program: Command, context: CommandContext): void => {
  const { terminal, openLocalAdmin } = context;
  program
    .command("serve")
    .description("run the service, with its settings from the environment")
    .action(async (_options: unknown, command: Command) => {
      const settings = loadSettings(terminal.environment);
      const options = optionsOf(command);
      const logger = loggerFor(context, options, settings);
      routeWarnings(logger);
      routeFailures(logger);
      const people = isForPeople(context, options, settings);
      await (await openLocalAdmin()).serve(settings, logger, (user) => {
        terminal.log.write(people ? firstUserText(user) : firstUserLine(user, terminal.now()));
      });
    });
  program
    .command("gateway")
    .description("run the REST gateway alone, in front of GATEWAY_TARGET")
    .action(async (_options: unknown, command: Command) => {
      const settings = loadSettings(terminal.environment, "gateway");
      const logger = loggerFor(context, optionsOf(command), settings);
      routeWarnings(logger);
      routeFailures(logger);
      await (await openLocalAdmin()).gateway(settings, logger);
    });
};
