import { Channel, type ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminClient } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminClient } from "../../../generated/curfew/v1/user_admin.js";
import { readClientDefaults } from "../../config/client_defaults.js";
import { isLoopback } from "../../config/network_values.js";
import { misused } from "../command_failure.js";
import type { GlobalOptions } from "../global_options.js";
import { printWarning } from "../output/report.js";
import { createPasswords, type Passwords } from "../prompt/passwords.js";
import type { Terminal } from "../terminal.js";
import { callUnary, type UnaryMethod } from "./call.js";
import { channelCredentials } from "./channel_credentials.js";
import type { ConnectionOptions } from "./connection_options.js";
import { type Credential, fixedCredential, signIn } from "./credential.js";

const DEFAULT_TIMEOUT_MS = 15_000;

/** For calls that work through many sessions, in milliseconds; the server allows them as much. */
export const LONG_TIMEOUT_MS = 300_000;

/** A connection to a running server with a credential. */
export interface Connection {
  readonly target: string;
  readonly channel: Channel;
  readonly credentials: ChannelCredentials;
  readonly sessions: SessionAdminClient;
  readonly users: UserAdminClient;
  /** Asks for passwords, once for the whole command. */
  readonly passwords: Passwords;
  /** Calls a method, bound to its client, with the credential. */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    timeoutMs?: number,
  ): Promise<Response>;
}

/** The server that the options, else the environment, name. */
export const targetOf = (options: ConnectionOptions, terminal: Terminal): string =>
  options.target ?? readClientDefaults(terminal.environment).target;

/** Opens a channel; nothing is sent before the first call. */
export const openChannel = (
  target: string,
  credentials: ChannelCredentials,
  serverName: string | undefined,
): Channel => {
  const channelOptions: ChannelOptions =
    serverName === undefined
      ? {}
      : {
          "grpc.ssl_target_name_override": serverName,
          "grpc.default_authority": serverName,
        };
  if (/^https?:/.test(target)) {
    throw misused(
      `--target ${target} is a URL: give it as HOST:PORT, the port being that of gRPC.`,
    );
  }
  try {
    return new Channel(target, credentials, channelOptions);
  } catch (error) {
    if (error instanceof Error && /Could not (parse|find|get)/.test(error.message)) {
      throw misused(`--target ${target} is not an address: give it as HOST:PORT.`);
    }
    throw error;
  }
};

/** Says when a secret is about to cross a network for all to read. */
const warnOfClearText = (
  target: string,
  credentials: ChannelCredentials,
  { errors }: Terminal,
  json: boolean | undefined,
): void => {
  const host = target.replace(/^(dns|ipv4|ipv6):(\/\/\/)?/, "").replace(/:\d+$/, "");
  if (credentials._isSecure() || target.startsWith("unix:")) return;
  if (isLoopback(host.replace(/^\[(.*)\]$/, "$1"))) return;
  printWarning(
    errors,
    json,
    `the credential goes to ${target} in clear. Add --tls or --tls-ca if the server speaks TLS.`,
  );
};

/** Opens the credential of the caller: the user to sign in as, the given token, or none. */
const openCredential = async (
  options: ConnectionOptions,
  terminal: Terminal,
  passwords: Passwords,
  auth: AuthServiceClient,
  context: { readonly target: string; readonly timeoutMs: number },
): Promise<Credential> => {
  const { username } = options;
  if (username === undefined) {
    return options.token === undefined
      ? fixedCredential(readClientDefaults(terminal.environment).token, "CURFEW_TOKEN")
      : fixedCredential(options.token, "--token");
  }
  const password = await passwords.ask(`Password of ${username}`);
  return signIn(auth, { username, password }, { ...context, now: terminal.now });
};

/**
 * Connects as the options say, signs in if they name a user, does the work and
 * leaves nothing behind.
 */
export const withConnection = async (
  options: ConnectionOptions & GlobalOptions,
  terminal: Terminal,
  work: (connection: Connection) => Promise<void>,
): Promise<void> => {
  if (options.token !== undefined && options.username !== undefined) {
    throw misused("--token and --username are two ways to say who calls: give one.");
  }
  const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
  const target = targetOf(options, terminal);
  const credentials = channelCredentials(options, terminal.environment);
  const channel = openChannel(target, credentials, options.tlsServerName);
  const clientOf = { channelOverride: channel };
  const passwords = createPasswords(terminal, options.passwordStdin ?? false);
  let credential: Credential | undefined;
  try {
    warnOfClearText(target, credentials, terminal, options.json);
    const auth = new AuthServiceClient(target, credentials, clientOf);
    const caller = await openCredential(options, terminal, passwords, auth, { target, timeoutMs });
    credential = caller;
    await work({
      target,
      channel,
      credentials,
      passwords,
      sessions: new SessionAdminClient(target, credentials, clientOf),
      users: new UserAdminClient(target, credentials, clientOf),
      call: async (method, request, longTimeoutMs = timeoutMs) =>
        callUnary(method, request, {
          target,
          metadata: await caller.metadata(),
          timeoutMs: options.timeout ?? longTimeoutMs,
        }),
    });
  } finally {
    await credential?.close();
    channel.close();
  }
};
