import { readFileSync } from "node:fs";
import { ChannelCredentials } from "@grpc/grpc-js";
import { CommandFailure, misused } from "../command_failure.js";
import type { ConnectionOptions } from "./connection_options.js";

const readPem = (option: string, path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(`The file of ${option} cannot be read: ${reason}.`, undefined, {
      cause,
    });
  }
};

/** Plain text, TLS or mTLS, as the options say. */
export const channelCredentials = (options: ConnectionOptions): ChannelCredentials => {
  const { tls, tlsCa, tlsCert, tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw misused("--tls-cert and --tls-key go together: give both or neither.");
  }
  if (!tls && tlsCa === undefined && tlsCert === undefined)
    return ChannelCredentials.createInsecure();
  try {
    return ChannelCredentials.createSsl(
      tlsCa === undefined ? null : readPem("--tls-ca", tlsCa),
      tlsKey === undefined ? null : readPem("--tls-key", tlsKey),
      tlsCert === undefined ? null : readPem("--tls-cert", tlsCert),
    );
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(`A TLS file is not PEM, or does not fit its key: ${reason}.`);
  }
};
