import { type Command, Option } from "commander";
import { SERVICE_SCOPES, type ServiceScope } from "../../core/ports/service_key_store.js";
import { type CommandContext, optionsOf, reportFromDatabase } from "../command_context.js";
import { CommandFailure } from "../command_failure.js";
import type { ServiceKeySummary } from "../local_admin.js";
import { instant } from "../output/printable.js";
import { renderTable } from "../output/table.js";

const serviceDocument = (key: ServiceKeySummary) => ({
  key_id: key.id,
  name: key.name,
  scopes: key.scopes,
  created_at: new Date(key.createdAt),
  revoked_at: key.revokedAt === undefined ? undefined : new Date(key.revokedAt),
});

const serviceTable = (keys: readonly ServiceKeySummary[]): string =>
  renderTable(
    ["KEY", "NAME", "SCOPES", "CREATED", "REVOKED"],
    keys.map((key) => [
      key.id,
      key.name,
      key.scopes.join(","),
      instant(key.createdAt),
      instant(key.revokedAt),
    ]),
  );

/** Adds `services create`, `list` and `revoke`: the keys of other backends. */
export const addServiceCommands = (program: Command, context: CommandContext): void => {
  const services = program
    .command("services")
    .description("keys by which other backends prove who they are; works on the database");
  services
    .command("create")
    .description("make a key and print it; it cannot be shown again")
    .argument("<name>", "who will hold it, for logs and audit")
    .addOption(
      new Option("--scope <scope...>", "what it opens")
        .choices(SERVICE_SCOPES)
        .default(["validate"]),
    )
    .option("--init", "make a new embedded database where there is none")
    .action((name: string, _options: unknown, command: Command) => {
      const options = {
        ...optionsOf<{ scope: ServiceScope[]; init?: boolean }>(command),
        needsInit: true,
      };
      return reportFromDatabase(context, "database", options, async (localAdmin, settings) => {
        const scopes = SERVICE_SCOPES.filter((scope) => options.scope.includes(scope));
        const { key, text } = await localAdmin.createServiceKey(settings, { name, scopes });
        return {
          document: { ...serviceDocument(key), key: text },
          text: `${text}\nThis is the key of ${key.name} (${key.scopes.join(", ")}). Keep it safe: it cannot be shown again.`,
        };
      });
    });
  services
    .command("list")
    .description("list the keys, without their texts")
    .action((_options: unknown, command: Command) =>
      reportFromDatabase(context, "database", optionsOf(command), async (localAdmin, settings) => {
        const keys = await localAdmin.listServiceKeys(settings);
        return { document: keys.map(serviceDocument), text: serviceTable(keys) };
      }),
    );
  services
    .command("revoke")
    .description("refuse a key from now on")
    .argument("<key>", "its id, from `services list`")
    .action((keyId: string, _options: unknown, command: Command) =>
      reportFromDatabase(context, "database", optionsOf(command), async (localAdmin, settings) => {
        if (!(await localAdmin.revokeServiceKey(settings, keyId))) {
          throw new CommandFailure(
            `There is no service key ${keyId} to revoke: it is unknown, or revoked already. See \`curfew services list\`.`,
          );
        }
        return { document: { key_id: keyId, revoked: true }, text: `Revoked ${keyId}.` };
      }),
    );
};
