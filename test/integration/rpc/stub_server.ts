import {
  type ChannelCredentials,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServerCredentials,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  AuthServiceClient,
  AuthServiceService,
  LoginResponse,
  RefreshTokensResponse,
  ValidateTokenResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
  RetryInfo,
} from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";
import type { SessionCaller } from "../../../src/core/caller/caller.js";
import { fail, type Reason } from "../../../src/core/errors.js";
import type { CredentialJudge } from "../../../src/rpc/authenticate.js";
import type { CallContext } from "../../../src/rpc/call_context.js";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import type { HandlersOf } from "../../../src/rpc/handlers.js";
import { implement, type ServiceRegistration } from "../../../src/rpc/implement.js";
import { type Rules, readRules } from "../../../src/rpc/rules.js";
import { createRpcServer, type RpcServer, type RpcServerOptions } from "../../../src/rpc/server.js";

export type AuthHandlers = HandlersOf<typeof AuthServiceService>;

export interface SeenCall {
  readonly method: string;
  readonly code: number;
  readonly reason: Reason | undefined;
  readonly ctx: CallContext;
}

const userSession = (userId: string, roles: string[]): SessionCaller => ({
  kind: "session",
  userId,
  username: userId,
  roles,
  sessionId: `session-of-${userId}`,
  jti: "jti",
});

/** Access tokens are user names; `outage` cannot be judged, everything unknown is invalid. */
export const judge: CredentialJudge = {
  serviceAuth: "key",
  authenticateSession: async (token) => {
    if (token === "ada") return userSession("ada", []);
    if (token === "root") return userSession("root", ["admin"]);
    if (token === "outage") throw fail("DEPENDENCY_UNAVAILABLE");
    throw fail("ACCESS_TOKEN_INVALID");
  },
  authenticateServiceKey: (key) => {
    if (key === "cfs_billing") return { kind: "service", name: "billing", scopes: ["validate"] };
    if (key === "cfs_ops") return { kind: "service", name: "ops", scopes: ["validate", "admin"] };
    return undefined;
  },
};

const unused = (): never => {
  throw new Error("not used in this test");
};

export const stubHandlers: AuthHandlers = {
  login: () => LoginResponse.create({ tokenType: "bearer" }),
  exchangeToken: unused,
  createSession: unused,
  refreshTokens: async () => RefreshTokensResponse.create(),
  logout: unused,
  validateToken: ({ accessToken }) => ValidateTokenResponse.create({ userId: accessToken }),
  validateTokens: {
    batch: ({ requests }) => ({ results: requests.map(() => ({ result: undefined })) }),
  },
  validateRefreshToken: unused,
  streamValidateTokens: { answer: unused, refuse: unused },
  watchRevocations: unused,
  recordActivity: ({ activities }) => ({ recorded: activities.length }),
  getProfile: (_request, { caller }) => ({
    user: {
      userId: caller.kind === "session" ? caller.userId : "",
      username: "",
      displayName: "",
      roles: [],
      isActive: true,
      createdAt: undefined,
      identities: [],
    },
  }),
  changePassword: unused,
  listMySessions: unused,
  revokeMySession: unused,
  revokeMyOtherSessions: unused,
  getSessionInfo: unused,
  getJwks: () => ({ keys: [] }),
};

export interface StubServer {
  readonly server: RpcServer;
  readonly port: number;
  readonly calls: SeenCall[];
  readonly activity: SessionCaller[];
  readonly denied: { readonly reason: Reason; readonly caller: string }[];
  readonly defects: unknown[];
  client(credentials?: ChannelCredentials, host?: string): AuthServiceClient;
  close(): Promise<void>;
}

const descriptors = readDescriptors();
export const stubRules = readRules(descriptors);

export const stubService = (handlers: Partial<AuthHandlers>, rules: Rules): ServiceRegistration =>
  implement(AuthServiceService, { ...stubHandlers, ...handlers }, rules);

/** A real server of the machinery on a port of its own, with handlers that answer anything. */
export async function startStubServer(
  handlers: Partial<AuthHandlers> = {},
  options: Partial<RpcServerOptions> & { readonly tls?: ServerCredentials } = {},
): Promise<StubServer> {
  const rules = options.rules ?? stubRules;
  const seen: Pick<StubServer, "calls" | "activity" | "denied" | "defects"> = {
    calls: [],
    activity: [],
    denied: [],
    defects: [],
  };
  const { tls, ...overrides } = options;
  const server = createRpcServer({
    services: [stubService(handlers, rules)],
    rules,
    judge,
    trackActivity: (caller) => seen.activity.push(caller),
    onDenied: (ctx, reason) => {
      seen.denied.push({ reason, caller: ctx.caller.kind });
    },
    observe: (ctx, code) =>
      seen.calls.push({ method: ctx.method, code, reason: ctx.failure?.reason, ctx }),
    onDefect: (_ctx, failure) => seen.defects.push(failure.cause),
    isServing: () => true,
    trustedProxies: [],
    reflect: descriptors,
    ...overrides,
  });
  const port = await server.listen("127.0.0.1:0", tls);
  const clients: AuthServiceClient[] = [];
  return {
    ...seen,
    server,
    port,
    client: (channel = credentials.createInsecure(), host = "127.0.0.1") => {
      const client = new AuthServiceClient(`${host}:${port}`, channel);
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) client.close();
      await server.stop({ delayMs: 0, graceMs: 0, flush: async () => {} });
    },
  };
}

export function metadataOf(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

export const asService = metadataOf({ authorization: "Bearer cfs_billing" });
export const asUser = metadataOf({ authorization: "Bearer ada" });

type Methods = typeof AuthServiceService;
type RequestOf<Name extends keyof Methods> =
  Methods[Name] extends MethodDefinition<infer Request, infer _> ? Request : never;
type ResponseOf<Name extends keyof Methods> =
  Methods[Name] extends MethodDefinition<infer _, infer Response> ? Response : never;

/** Calls a unary method. */
export function call<Name extends keyof Methods>(
  client: AuthServiceClient,
  name: Name,
  request: RequestOf<Name>,
  metadata: Metadata = new Metadata(),
): Promise<ResponseOf<Name>> {
  const method = AuthServiceService[name] as MethodDefinition<object, object>;
  return send(client, method.path, method.requestSerialize(request as object), metadata).then(
    (bytes) => method.responseDeserialize(bytes) as ResponseOf<Name>,
  );
}

/** Sends any bytes to any method. */
export function send(
  client: AuthServiceClient,
  path: string,
  bytes: Buffer,
  metadata: Metadata = new Metadata(),
): Promise<Buffer> {
  const same = (value: Buffer): Buffer => value;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, bytes, metadata, (error, response) =>
      response === undefined ? reject(error) : resolve(response),
    );
  });
}

export interface Failure {
  readonly code: number;
  readonly details: string;
  readonly reason: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
  readonly localized: LocalizedMessage | undefined;
  readonly retry: RetryInfo | undefined;
  readonly fields: readonly string[];
}

/** The facts that a client can know about a failed call. */
export function failureOf(error: ServiceError): Failure {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const { details } = Buffer.isBuffer(bytes) ? Status.decode(bytes) : Status.create();
  const find = <T>(name: string, type: { decode(value: Buffer): T }): T | undefined => {
    const any = details.find(({ typeUrl }) => typeUrl.endsWith(`google.rpc.${name}`));
    return any && type.decode(any.value);
  };
  const info = find("ErrorInfo", ErrorInfo);
  return {
    code: error.code,
    details: error.details,
    reason: info?.reason,
    facts: info?.metadata ?? {},
    localized: find("LocalizedMessage", LocalizedMessage),
    retry: find("RetryInfo", RetryInfo),
    fields: find("BadRequest", BadRequest)?.fieldViolations.map(({ field }) => field) ?? [],
  };
}

/** The failure of a call that has to fail. */
export async function refusalOf(pending: Promise<unknown>): Promise<Failure> {
  const error = await pending.then(
    () => undefined,
    (reason: ServiceError) => reason,
  );
  if (error === undefined) throw new Error("the call was answered");
  return failureOf(error);
}
