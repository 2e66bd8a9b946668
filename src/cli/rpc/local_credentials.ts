import { ChannelCredentials } from "@grpc/grpc-js";
import { readClientDefaults } from "../../config/client_defaults.js";
import type { Environment } from "../../config/setting.js";
import type { ConnectionOptions } from "./connection_options.js";
import { readCertificates, readPrivateKey } from "./tls_files.js";

/**
 * The credentials for the TLS server that this environment configures, without options: for the health check inside its
 * container. The certificate is for the outside name, so it is not compared; nothing secret is sent. The server's own
 * certificate serves as the client's where one is asked for.
 */
export const localCredentials = (
  options: ConnectionOptions,
  environment: Environment,
): ChannelCredentials | undefined => {
  const { ownCertFile, ownKeyFile, tlsCa, tlsCert } = readClientDefaults(environment);
  const told =
    options.target !== undefined ||
    environment.CURFEW_TARGET !== undefined ||
    tlsCa !== undefined ||
    tlsCert !== undefined ||
    options.tls ||
    options.tlsCa !== undefined ||
    options.tlsCert !== undefined;
  if (told || ownCertFile === undefined || ownKeyFile === undefined) return undefined;
  const certificate = readCertificates({ name: "TLS_CERT_FILE", path: ownCertFile });
  const key = readPrivateKey({ name: "TLS_KEY_FILE", path: ownKeyFile }, certificate);
  return ChannelCredentials.createSsl(null, key, certificate, {
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
};
