import { ChannelCredentials } from "@grpc/grpc-js";
import { readClientDefaults } from "../../config/client_defaults.js";
import type { Environment } from "../../config/setting.js";
import { misused } from "../command_failure.js";
import type { ConnectionOptions } from "./connection_options.js";
import { readCertificates, readPrivateKey } from "./tls_files.js";

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
  const authorities =
    tlsCa === undefined
      ? null
      : readCertificates({ name: "--tls-ca (CURFEW_TLS_CA)", path: tlsCa });
  if (tlsCert === undefined || tlsKey === undefined)
    return ChannelCredentials.createSsl(authorities);
  const certificate = readCertificates({ name: "--tls-cert (CURFEW_TLS_CERT)", path: tlsCert });
  const key = readPrivateKey({ name: "--tls-key (CURFEW_TLS_KEY)", path: tlsKey }, certificate);
  return ChannelCredentials.createSsl(authorities, key, certificate);
};
