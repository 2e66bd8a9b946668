import { type Command, Option } from "commander";
import type { KeyUse } from "../../core/ports/key_store.js";
import { type CommandContext, optionsOf, reportFromDatabase } from "../command_context.js";
import type { KeySummary } from "../local_admin.js";
import { instant } from "../output/printable.js";
import { renderTable } from "../output/table.js";

const date = (time: number | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time);

const keyDocument = (key: KeySummary) => ({
  kid: key.kid,
  use: key.use,
  algorithm: key.algorithm,
  state: key.state,
  encrypted: key.sealed,
  created_at: date(key.createdAt),
  signs_from: date(key.signsFrom),
  retirable_from: date(key.retirableFrom),
});

const keyTable = (keys: readonly KeySummary[]): string =>
  renderTable(
    ["KID", "USE", "ALGORITHM", "STATE", "ENCRYPTED", "CREATED", "SIGNS FROM", "RETIRABLE FROM"],
    keys.map((key) => [
      key.kid,
      key.use,
      key.algorithm,
      key.state,
      key.sealed ? "yes" : "no",
      instant(key.createdAt),
      instant(key.signsFrom),
      instant(key.retirableFrom),
    ]),
  );

/** Adds `keys list`, `rotate` and `retire`. */
export const addKeyCommands = (program: Command, context: CommandContext): void => {
  const keys = program
    .command("keys")
    .description("keys that sign tokens; works on the database, replicas follow by themselves");
  keys
    .command("list")
    .description("list the keys and where they stand")
    .action((_options: unknown, command: Command) =>
      reportFromDatabase(context, "keys", optionsOf(command), async (localAdmin, settings) => {
        const list = await localAdmin.listKeys(settings);
        return { document: list.map(keyDocument), text: keyTable(list) };
      }),
    );
  keys
    .command("rotate")
    .description("make the next key; it signs once everybody has had the time to learn it")
    .addOption(new Option("--use <use>", "which kind").choices(["sign", "refresh"]).default("sign"))
    .option("--immediately", "let it sign at once: only for a key that has leaked")
    .action((_options: unknown, command: Command) => {
      const options = optionsOf<{ use: KeyUse; immediately?: boolean }>(command);
      return reportFromDatabase(context, "keys", options, async (localAdmin, settings) => {
        const { use, immediately = false } = options;
        const key = await localAdmin.rotateKey(settings, { use, immediately });
        const when = key.signsFrom === undefined ? "now" : `from ${instant(key.signsFrom)} on`;
        return { document: keyDocument(key), text: `Made key ${key.kid}; it signs ${when}.` };
      });
    });
  keys
    .command("retire")
    .description("accept a key no longer; refused while a token of it may be alive")
    .argument("<kid>", "its id, from `keys list`")
    .option("--force", "do it all the same, which kills those tokens")
    .action((kid: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ force?: boolean }>(command);
      return reportFromDatabase(context, "keys", options, async (localAdmin, settings) => {
        await localAdmin.retireKey(settings, kid, { force: options.force ?? false });
        return { document: { kid, state: "retired" }, text: `Retired ${kid}.` };
      });
    });
};
