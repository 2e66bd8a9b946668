import { ChannelCredentials, type ChannelOptions, connectivityState } from "@grpc/grpc-js";
import { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import type { TlsOptions, ValidatorSettings } from "../validator_options.js";

const MEBIBYTE = 1024 * 1024;
/** For this long, a replica that did not answer in time is used only if there is no other. */
const SUSPECT_MS = 1000;

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
  // Each channel has connections of its own, which workers of a replica share out.
  "grpc.use_local_subchannel_pool": 1,
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
  /** The next in turn that is not known to be invalidated in every cache, nor suspect. */
  next(): AuthServiceClient;
  /** It did not answer in time. It may hang, and still be connected. */
  suspend(client: AuthServiceClient): void;
  /** Whether one of them is connected. */
  isConnected(): boolean;
  close(): void;
}

/**
 * Opens `connections` channels to each target, all targets before the second
 * channel of the first. Nothing is connected before it is needed.
 */
export const openReplicas = (settings: ValidatorSettings): Replicas => {
  const credentials = credentialsOf(settings);
  const options = channelOptions(settings.tls);
  const rounds = Array.from({ length: settings.connections }, () => settings.targets);
  const clients = rounds
    .flat()
    .map((target) => new AuthServiceClient(target, credentials, options));
  const suspendedUntil = new Map<AuthServiceClient, number>();
  const state = (client: AuthServiceClient) => client.getChannel().getConnectivityState(false);
  const isSuspended = (client: AuthServiceClient): boolean => {
    const until = suspendedUntil.get(client);
    if (until === undefined || performance.now() < until) return until !== undefined;
    suspendedUntil.delete(client);
    return false;
  };
  let turn = 0;
  return {
    next() {
      const inTurn = [...clients.slice(turn), ...clients.slice(0, turn)];
      let second: AuthServiceClient | undefined;
      for (const [tried, client] of inTurn.entries()) {
        if (state(client) === connectivityState.TRANSIENT_FAILURE) {
          // It comes back by being asked.
          client.getChannel().getConnectivityState(true);
        } else if (isSuspended(client)) {
          second ??= client;
        } else {
          turn = (turn + tried + 1) % clients.length;
          return client;
        }
      }
      turn = (turn + 1) % clients.length;
      return second ?? (inTurn[0] as AuthServiceClient);
    },
    suspend: (client) => suspendedUntil.set(client, performance.now() + SUSPECT_MS),
    isConnected: () => clients.some((client) => state(client) === connectivityState.READY),
    close() {
      for (const client of clients) client.close();
    },
  };
};
