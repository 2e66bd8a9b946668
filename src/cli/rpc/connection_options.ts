import type { Command } from "commander";
import { seconds } from "../option_values.js";

/** How to reach a running server, as the command line says it. */
export interface ConnectionOptions {
  readonly target?: string;
  readonly token?: string;
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Adds the options of where the server is. */
export const withTargetOptions = (command: Command): Command =>
  command
    .option("--target <host:port>", "server to call (default: CURFEW_TARGET, or this machine)")
    .option("--tls", "use TLS, trusting the authorities of the system")
    .option(
      "--tls-ca <file>",
      "use TLS, trusting the authorities in this file (default: CURFEW_TLS_CA)",
    )
    .option("--tls-cert <file>", "client certificate, for mTLS (default: CURFEW_TLS_CERT)")
    .option("--tls-key <file>", "private key of the client certificate (default: CURFEW_TLS_KEY)")
    .option("--tls-server-name <name>", "name to expect in the server's certificate")
    .option("--timeout <seconds>", "longest time to wait for an answer", seconds);

/** Adds the options of who calls. */
export const withCredentialOptions = (command: Command): Command =>
  command
    .option("--token <token>", "access token or service key (better: CURFEW_TOKEN)")
    .option("--username <name>", "sign in as this administrator; the password is asked for")
    .option("--password-stdin", "read passwords from standard input, one a line");
