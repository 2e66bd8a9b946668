import { isIP } from "node:net";
import { strippedLine } from "../core/caller/header_text.js";
import type { Environment } from "./setting.js";
import { SETTINGS } from "./settings_table.js";

/** The defaults of the command line for calls to a running server. */
export interface ClientDefaults {
  /** `host:port`. */
  readonly target: string;
  /** An access token or a service key. */
  readonly token: string | undefined;
  /** Files of the TLS that the server is called with: its authorities, and the caller's certificate. */
  readonly tlsCa: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** The server's own certificate, when this is the machine it runs on. */
  readonly ownCertFile: string | undefined;
  readonly ownKeyFile: string | undefined;
}

/** The host at which this machine finds a listener of its own. */
const reachableHost = (host: string): string => {
  if (host === "" || host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return isIP(host) === 6 ? `[${host}]` : host;
};

/** Reads CURFEW_TARGET, CURFEW_TOKEN and CURFEW_TLS_*, and where a server of this environment listens. Never throws. */
export const readClientDefaults = (environment: Environment): ClientDefaults => {
  const textOf = (name: string): string | undefined =>
    strippedLine(environment[name] ?? "") || undefined;
  const port = SETTINGS.grpcPort.schema.safeParse(textOf("GRPC_PORT"));
  const ownPort = port.success ? port.data : SETTINGS.grpcPort.fallback;
  return {
    target: textOf("CURFEW_TARGET") ?? `${reachableHost(textOf("HOST") ?? "")}:${ownPort}`,
    token: textOf("CURFEW_TOKEN"),
    tlsCa: textOf("CURFEW_TLS_CA"),
    tlsCert: textOf("CURFEW_TLS_CERT"),
    tlsKey: textOf("CURFEW_TLS_KEY"),
    ownCertFile: textOf("TLS_CERT_FILE"),
    ownKeyFile: textOf("TLS_KEY_FILE"),
  };
};
