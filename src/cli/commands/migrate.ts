import type { Command } from "commander";
import { type CommandContext, optionsOf, reportFromDatabase } from "../command_context.js";
import { counted, jsonNumber } from "../output/report.js";

/** Adds `migrate up`, `migrate status` and `migrate restored`. */
export const addMigrateCommands = (program: Command, context: CommandContext): void => {
  const migrate = program.command("migrate").description("bring the database schema up to date");
  migrate
    .command("up")
    .description("apply the migrations that the database lacks; safe to run by several at once")
    .action((_options: unknown, command: Command) =>
      reportFromDatabase(
        context,
        "database",
        optionsOf(command),
        async (localAdmin, settings, onWait) => {
          const applied = await localAdmin.migrateUp(settings, onWait);
          return {
            document: { applied },
            text:
              applied.length === 0
                ? "The schema is up to date."
                : `Applied ${counted(applied.length, "migration")}:\n${applied.join("\n")}`,
          };
        },
      ),
    );
  migrate
    .command("status")
    .description("list the migrations that the database has and lacks")
    .action((_options: unknown, command: Command) =>
      reportFromDatabase(context, "database", optionsOf(command), async (localAdmin, settings) => {
        const { applied, pending } = await localAdmin.migrateStatus(settings);
        return {
          document: { applied, pending },
          text: [
            ...applied.map((name) => `applied  ${name}`),
            ...pending.map((name) => `pending  ${name}`),
            pending.length === 0
              ? "The schema is up to date."
              : `${counted(pending.length, "migration")} to apply: run \`curfew migrate up\`.`,
          ].join("\n"),
        };
      }),
    );
  migrate
    .command("restored")
    .description(
      "say that a backup was restored: revisions go on beyond all that were ever given out, so that whoever follows them misses no ending",
    )
    .action((_options: unknown, command: Command) =>
      reportFromDatabase(context, "database", optionsOf(command), async (localAdmin, settings) => {
        const revision = await localAdmin.markRestored(settings);
        return {
          document: { revision: jsonNumber(revision) },
          text: `The next revocation has a revision after ${revision}.`,
        };
      }),
    );
};
