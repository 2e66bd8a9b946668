import { readFileSync } from "node:fs";
import { ChannelCredentials } from "@grpc/grpc-js";
import { readClientDefaults } from "../../config/client_defaults.js";
import type { Environment } from "../../config/setting.js";
import { CommandFailure, misused } from "../command_failure.js";
import type { ConnectionOptions } from "./connection_options.js";

const readPem = (name: string, path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(`The file of ${name} cannot be read: ${reason}.`, undefined, {
      cause,
    });
  }
};

/** Plain text, TLS or mTLS: as the options say, else CURFEW_TLS_CA, CURFEW_TLS_CERT and CURFEW_TLS_KEY. */
export const channelCredentials = (
  options: ConnectionOptions,
  environment: Environment,
): ChannelCredentials => {
  const usual = readClientDefaults(environment);
  const { tls, tlsCa = tls ? undefined : usual.tlsCa } = options;
  const { tlsCert = usual.tlsCert, tlsKey = usual.tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw misused(
      "--tls-cert and --tls-key (CURFEW_TLS_CERT and CURFEW_TLS_KEY) go together: give both or neither.",
    );
  }
  if (!tls && tlsCa === undefined && tlsCert === undefined)
    return ChannelCredentials.createInsecure();
  try {
    return ChannelCredentials.createSsl(
      tlsCa === undefined ? null : readPem("--tls-ca (CURFEW_TLS_CA)", tlsCa),
      tlsKey === undefined ? null : readPem("--tls-key (CURFEW_TLS_KEY)", tlsKey),
      tlsCert === undefined ? null : readPem("--tls-cert (CURFEW_TLS_CERT)", tlsCert),
    );
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(`A TLS file is not PEM, or does not fit its key: ${reason}.`);
  }
};
