import { ChannelCredentials, type ChannelOptions, connectivityState } from "@grpc/grpc-js";
import { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import type { TlsOptions, ValidatorSettings } from "../validator_options.js";

const MEBIBYTE = 1024 * 1024;

const channelOptions = (tls: TlsOptions | undefined): ChannelOptions => ({
  // A name with several addresses is several replicas.
  "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  "grpc.keepalive_time_ms": 5000,
  "grpc.keepalive_timeout_ms": 2000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  "grpc.dns_min_time_between_resolutions_ms": 5000,
  "grpc.max_receive_message_length": 16 * MEBIBYTE,
  // Retries are the validator's: it knows which replica failed.
  "grpc.enable_retries": 0,
  "grpc.enable_channelz": 0,
  ...(tls?.serverName !== undefined && { "grpc.ssl_target_name_override": tls.serverName }),
});

const bytes = (pem: string | Buffer | undefined): Buffer | null =>
  pem === undefined ? null : Buffer.from(pem);

const credentialsOf = ({ credentials, tls }: ValidatorSettings): ChannelCredentials => {
  if (credentials !== undefined) return credentials;
  return tls === undefined
    ? ChannelCredentials.createInsecure()
    : ChannelCredentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.cert));
};

/** The replicas of Curfew, and whose turn it is. */
export interface Replicas {
  /** The next in turn that is not known to be out of reach. */
  next(): AuthServiceClient;
  /** Whether one of them is connected. */
  isConnected(): boolean;
  close(): void;
}

/** Opens a channel to each target. Nothing is connected before it is needed. */
export const openReplicas = (settings: ValidatorSettings): Replicas => {
  const credentials = credentialsOf(settings);
  const options = channelOptions(settings.tls);
  const clients = settings.targets.map(
    (target) => new AuthServiceClient(target, credentials, options),
  );
  const state = (client: AuthServiceClient) => client.getChannel().getConnectivityState(false);
  let turn = 0;
  return {
    next() {
      for (let tried = 0; tried < clients.length; tried += 1) {
        const client = clients[turn++ % clients.length];
        if (client && state(client) !== connectivityState.TRANSIENT_FAILURE) return client;
        // It comes back by being asked.
        client?.getChannel().getConnectivityState(true);
      }
      return clients[turn++ % clients.length] as AuthServiceClient;
    },
    isConnected: () => clients.some((client) => state(client) === connectivityState.READY),
    close() {
      for (const client of clients) client.close();
    },
  };
};
