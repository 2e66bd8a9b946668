import type { Command } from "commander";
import { loadSettings } from "../../config/load_settings.js";
import type { Settings } from "../../config/settings.js";
import { createLogger, type Logger } from "../../telemetry/logger.js";
import { routeFailures } from "../../telemetry/process_failures.js";
import { routeWarnings } from "../../telemetry/process_warnings.js";
import { type CommandContext, type GlobalOptions, optionsOf } from "../command_context.js";

/** JSON lines, unless somebody is watching outside production. */
const loggerFor = (
  { terminal }: CommandContext,
  { json }: GlobalOptions,
  settings: Settings,
): Logger => {
  const logger = createLogger({
    level: settings.logLevel,
    people: Boolean(terminal.output.isTTY) && !settings.production && !json,
    destination: terminal.log,
  });
  for (const warning of settings.warnings) logger.warn(warning);
  return logger;
};

/** Adds `serve` and `gateway`. */
export const addServeCommands = (program: Command, context: CommandContext): void => {
  const { terminal, openBackstage } = context;
  program
    .command("serve")
    .description("run the service, with its settings from the environment")
    .action(async (_options: unknown, command: Command) => {
      const settings = loadSettings(terminal.environment);
      const logger = loggerFor(context, optionsOf(command), settings);
      routeWarnings(logger);
      routeFailures(logger);
      await (await openBackstage()).serve(settings, logger);
    });
  program
    .command("gateway")
    .description("run the REST gateway alone, in front of GATEWAY_TARGET")
    .action(async (_options: unknown, command: Command) => {
      const settings = loadSettings(terminal.environment, "gateway");
      const logger = loggerFor(context, optionsOf(command), settings);
      routeWarnings(logger);
      routeFailures(logger);
      await (await openBackstage()).gateway(settings, logger);
    });
};
