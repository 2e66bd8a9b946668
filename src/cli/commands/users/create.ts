import type { Command } from "commander";
import type { NewUser } from "../../../core/users/manage_users.js";
import type { User } from "../../../core/users/user.js";
import {
  type CommandContext,
  optionsOf,
  reportFromDatabase,
  reportFromServer,
} from "../../command_context.js";
import { CommandFailure } from "../../command_failure.js";
import type { GlobalOptions } from "../../global_options.js";
import { collect } from "../../option_values.js";
import type { Report } from "../../output/report.js";
import { userDocument } from "../../output/user_view.js";
import { createPasswords } from "../../prompt/passwords.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";

interface CreateOptions extends ConnectionOptions, GlobalOptions {
  readonly displayName?: string;
  readonly role?: readonly string[];
  readonly direct?: boolean;
}

const created = (document: ReturnType<typeof userDocument>): Report => ({
  document,
  text: `Created ${document.username} (${document.user_id}).`,
});

/** A user of the core as one of the proto. */
const toProto = ({ id, createdAt, roles, ...user }: User) => ({
  ...user,
  userId: id,
  identities: [],
  roles: [...roles],
  createdAt: new Date(createdAt),
});

const askNewPassword = (username: string): string => `New password of ${username}`;

const createDirectly = async (
  context: CommandContext,
  options: CreateOptions,
  user: Omit<NewUser, "password">,
): Promise<void> => {
  const passwords = createPasswords(context.terminal, options.passwordStdin ?? false);
  const password = await passwords.askNew(askNewPassword(user.username));
  await reportFromDatabase(context, "database", options, async (localAdmin, settings) =>
    created(userDocument(toProto(await localAdmin.createUser(settings, { ...user, password })))),
  );
};

const createOnServer = (
  context: CommandContext,
  options: CreateOptions,
  user: Omit<NewUser, "password">,
): Promise<void> =>
  reportFromServer(context, options, async ({ users, passwords, call }) => {
    const password = await passwords.askNew(askNewPassword(user.username));
    const request = { ...user, roles: [...user.roles], password };
    const answer = await call(users.createUser.bind(users), request);
    if (answer.user === undefined) throw new CommandFailure("The server answered without a user.");
    return created(userDocument(answer.user));
  });

/** Adds `users create`. */
export const addCreateUser = (users: Command, context: CommandContext): void => {
  const command = users
    .command("create")
    .description("create a user; the password is asked for")
    .argument("<username>", "the name to sign in with")
    .option("--display-name <name>", "the name to show")
    .option("--role <role>", "what the user may do, for example `admin`; repeatable", collect)
    .option("--direct", "write to the database of DATABASE_URL, for the first set-up")
    .action((username: string, _options: unknown, self: Command) => {
      const options = optionsOf<CreateOptions>(self);
      const { displayName = "", role: roles = [] } = options;
      const create = options.direct ? createDirectly : createOnServer;
      return create(context, options, { username, displayName, roles });
    });
  withCredentialOptions(withTargetOptions(command));
};
