import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { authenticator, type CredentialJudge } from "./authenticate.js";
import { callBudgets } from "./budgets/call_budgets.js";
import { Connections } from "./budgets/connections.js";
import type { OnRefused } from "./budgets/refusal.js";
import type { CallEnvironment } from "./call_context.js";
import { clientAddress, type OnUnreadableAddress } from "./client_address.js";
import { health, type IsServing } from "./health.js";
import type { ServiceRegistration } from "./implement.js";
import { activity, type TrackActivity } from "./interceptors/activity.js";
import { authentication, type DenialListener } from "./interceptors/authentication.js";
import { compose } from "./interceptors/compose.js";
import { errors } from "./interceptors/errors.js";
import { InterceptedCall } from "./interceptors/intercepted_call.js";
import type { Interceptor } from "./interceptors/interceptor.js";
import { type CallObserver, observation } from "./interceptors/observation.js";
import { openStreams } from "./interceptors/open_streams.js";
import { languagePicker } from "./language.js";
import { DEFAULT_LIMITS, grpcOptions, type RpcLimits } from "./limits.js";
import { peerServices } from "./peer_certificate.js";
import { addReflection } from "./reflection.js";
import { requestIds } from "./request_id.js";
import { type MethodRule, openRule, type Rules } from "./rules.js";
import { type StopOptions, stopGracefully } from "./stop.js";
import { UNKNOWN_METHOD, unknownMethod } from "./unknown_method.js";
import { serveCalls } from "./wire/serve_calls.js";
import { type ServedMethod, servedMethods } from "./wire/served_method.js";
import type { WireMethod } from "./wire/wire_call.js";

export interface RpcServerOptions {
  readonly services: readonly ServiceRegistration[];
  readonly rules: Rules;
  readonly judge: CredentialJudge;
  readonly trackActivity: TrackActivity;
  readonly onDenied: DenialListener;
  readonly observe: CallObserver;
  /** Called for defects inside answers (ValidateTokens) of calls that succeed themselves. */
  readonly onDefect: CallEnvironment["onDefect"];
  readonly isServing: IsServing;
  /** Addresses and networks (CIDR) whose `x-forwarded-*` metadata is trusted. */
  readonly trustedProxies: readonly string[];
  readonly onUnreadableAddress?: OnUnreadableAddress;
  /** The descriptors to serve by reflection. Absent: no reflection. */
  readonly reflect?: Uint8Array | undefined;
  readonly limits?: Partial<RpcLimits>;
  /** Called for each connection that a budget refuses; `observe` receives the refused calls. */
  readonly onRefused?: OnRefused;
  /** Comes after all of the server's own: the caller is known. */
  readonly tracing?: Interceptor | undefined;
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
  /** Judges the credentials of open streams again, now and not at the next look. */
  reviewStreams(): void;
  /** Stops gracefully. The first call decides how; later ones wait for it. */
  stop(options: StopOptions): Promise<void>;
}

const HEALTH_POLL_MS = 1000;

/** What calls are made of besides their own, made once per server. */
const environmentOf = (options: RpcServerOptions): CallEnvironment => ({
  pickLanguage: languagePicker(),
  clientAddress: clientAddress(options.trustedProxies, options.onUnreadableAddress),
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
  const environment = environmentOf(options);
  const connections = new Connections(
    limits,
    (address) => environment.clientAddress.isProxy({ address, isGateway: false }),
    options.onRefused ?? (() => undefined),
  );
  const budgets = callBudgets(limits, connections);
  const streams = openStreams(authenticate, limits.recheckMs);
  const chain = compose(
    [
      budgets.before,
      streams,
      observation(options.observe),
      errors(),
      authentication(authenticate, options.onDenied),
      budgets.after,
      activity(options.trackActivity),
      ...(options.tracing ? [options.tracing] : []),
    ],
    environment,
  );

  /** Methods of services that our descriptors do not have, which are open to all. */
  const foreign = new Map<string, MethodRule>();
  const ruleOf = (path: string): MethodRule => foreign.get(path) ?? options.rules.of(path);
  const addForeignRule = (path: string, isStream: boolean): void => {
    foreign.set(path, openRule(path, isStream, limits.publicStreamMs));
  };
  const onWire = (method: ServedMethod): WireMethod => ({
    ...method,
    requestBytes: Math.min(ruleOf(method.path).requestBytes, limits.messageBytes),
    responseBytes: limits.messageBytes,
  });
  const methods = new Map<string, WireMethod>();
  const add = (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
    for (const method of servedMethods(definition, implementation))
      methods.set(method.path, onWire(method));
  };
  const addForeign: typeof add = (definition, implementation) => {
    for (const { path, requestStream, responseStream } of Object.values(definition))
      addForeignRule(path, requestStream || responseStream);
    add(definition, implementation);
  };

  for (const { definition, implementation } of options.services) add(definition, implementation);
  const names = options.services.map(({ name }) => name);
  const healthService = health(names, options.isServing, HEALTH_POLL_MS);
  healthService.addTo({ addService: addForeign });
  if (options.reflect !== undefined) addReflection({ addService: addForeign }, options.reflect);
  addForeignRule(UNKNOWN_METHOD, true);
  const unknown = onWire(unknownMethod);

  const server = new Server(grpcOptions(limits));
  serveCalls(
    server,
    connections,
    limits,
    (path) => methods.get(path) ?? unknown,
    (path, call) => new InterceptedCall(chain, ruleOf(path), call),
  );

  let stopped: Promise<void> | undefined;
  return {
    listen: (address, credentials = ServerCredentials.createInsecure()) =>
      bind(server, address, credentials),
    refreshHealth: healthService.refresh,
    reviewStreams: streams.review,
    stop: (how) => {
      stopped ??= stopGracefully({ server, connections, health: healthService, streams }, how);
      return stopped;
    },
  };
};
