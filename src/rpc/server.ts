import {
  Server,
  ServerCredentials,
  type ServerInterceptingCallInterface,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { authenticator, type CredentialJudge } from "./authenticate.js";
import type { CallEnvironment } from "./call_context.js";
import { clientAddress } from "./client_address.js";
import { revealDuplicates } from "./duplicate_headers.js";
import { internalsOf } from "./grpc_internals.js";
import { health, type IsServing } from "./health.js";
import { prepareHttp2 } from "./http2_server.js";
import type { ServiceRegistration } from "./implement.js";
import { activity, type TrackActivity } from "./interceptors/activity.js";
import { authentication, type DenialListener } from "./interceptors/authentication.js";
import { compose } from "./interceptors/compose.js";
import { errors } from "./interceptors/errors.js";
import { InterceptedCall } from "./interceptors/intercepted_call.js";
import type { Interceptor } from "./interceptors/interceptor.js";
import { loadLimit } from "./interceptors/load_limit.js";
import { type CallObserver, observation } from "./interceptors/observation.js";
import { openStreams } from "./interceptors/open_streams.js";
import { languagePicker } from "./language.js";
import { DEFAULT_LIMITS, grpcOptions, type RpcLimits } from "./limits.js";
import { peerServices } from "./peer_certificate.js";
import { addReflection } from "./reflection.js";
import { requestIds } from "./request_id.js";
import { type MethodRule, openRule, type Rules } from "./rules.js";
import { type StopOptions, stopGracefully } from "./stop.js";
import { takeUnaryCalls } from "./unary_calls.js";
import { addUnknownMethod, leadAstray, UNKNOWN_METHOD } from "./unknown_method.js";

export interface RpcServerOptions {
  readonly services: readonly ServiceRegistration[];
  readonly rules: Rules;
  readonly judge: CredentialJudge;
  readonly trackActivity: TrackActivity;
  readonly onDenied: DenialListener;
  readonly observe: CallObserver;
  /** Told of defects inside answers (ValidateTokens) of calls that themselves succeed. */
  readonly onDefect: CallEnvironment["onDefect"];
  readonly isServing: IsServing;
  /** Addresses and networks (CIDR) whose `x-forwarded-*` metadata is believed. */
  readonly trustedProxies: readonly string[];
  /** The descriptors to serve by reflection. Absent: no reflection. */
  readonly reflect?: Uint8Array | undefined;
  readonly limits?: Partial<RpcLimits>;
  /** Come before all of the server's own. */
  readonly interceptors?: readonly Interceptor[];
}

export interface RpcServer {
  /**
   * Listens on an address of grpc-js (`host:port`, `unix:path`).
   *
   * @param credentials of tlsCredentials; absent: plain text
   * @returns the port
   */
  listen(address: string, credentials?: ServerCredentials): Promise<number>;
  /** Looks whether the services can answer, now and not at the next poll. */
  refreshHealth(): void;
  /** Stops gracefully. The first call decides how; later ones wait for it. */
  stop(options: StopOptions): Promise<void>;
}

const HEALTH_POLL_MS = 1000;

/** What calls are made of besides their own, made once per server. */
const environmentOf = (options: RpcServerOptions): CallEnvironment => ({
  pickLanguage: languagePicker(),
  clientAddress: clientAddress(options.trustedProxies),
  peerService: peerServices(),
  requestId: requestIds(),
  onDefect: options.onDefect,
});

const bind = (server: Server, address: string, credentials: ServerCredentials): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });

/**
 * Makes the server: services, health and reflection behind the interceptors,
 * within limits. Nothing listens yet.
 */
export const createRpcServer = (options: RpcServerOptions): RpcServer => {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const authenticate = authenticator(options.judge);
  const streams = openStreams(authenticate, limits.recheckMs);
  const chain = compose(
    [
      ...(options.interceptors ?? []),
      loadLimit(limits.calls),
      streams,
      observation(options.observe),
      errors(),
      authentication(authenticate, options.onDenied),
      activity(options.trackActivity),
    ],
    environmentOf(options),
  );

  /** Methods of services that our descriptors do not have, which are open to all. */
  const foreign = new Map<string, MethodRule>([[UNKNOWN_METHOD, openRule(UNKNOWN_METHOD, true)]]);
  const intercept = (path: string, call: ServerInterceptingCallInterface) =>
    new InterceptedCall(chain, foreign.get(path) ?? options.rules.of(path), call);
  const server = new Server({
    ...grpcOptions(limits),
    interceptors: [({ path }, call) => intercept(path, call)],
  });
  const internals = internalsOf(server);
  takeUnaryCalls(internals, intercept, limits.messageBytes);
  const served = new Set<string>();
  const connections = prepareHttp2(internals, limits, (headers, rawHeaders) => {
    revealDuplicates(headers, rawHeaders);
    leadAstray(served, headers);
  });

  const add = (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
    server.addService(definition, implementation);
    for (const { path } of Object.values(definition)) served.add(path);
  };
  const addForeign: typeof add = (definition, implementation) => {
    add(definition, implementation);
    for (const { path, requestStream, responseStream } of Object.values(definition)) {
      foreign.set(path, openRule(path, requestStream || responseStream));
    }
  };

  for (const { definition, implementation } of options.services) add(definition, implementation);
  const names = options.services.map(({ name }) => name);
  const healthService = health(names, options.isServing, HEALTH_POLL_MS);
  healthService.addTo({ addService: addForeign });
  if (options.reflect !== undefined) addReflection({ addService: addForeign }, options.reflect);
  addUnknownMethod(server);

  let stopped: Promise<void> | undefined;
  return {
    listen: (address, credentials = ServerCredentials.createInsecure()) =>
      bind(server, address, credentials),
    refreshHealth: healthService.refresh,
    stop: (how) => {
      stopped ??= stopGracefully({ server, connections, health: healthService, streams }, how);
      return stopped;
    },
  };
};
