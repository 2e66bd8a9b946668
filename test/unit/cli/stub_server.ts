import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import {
  type AuthServiceServer,
  AuthServiceService,
} from "../../../generated/curfew/v1/auth_service.js";
import {
  type SessionAdminServer,
  SessionAdminService,
} from "../../../generated/curfew/v1/session_admin.js";
import { type UserAdminServer, UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
} from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";

/** A failure as a server sends it. */
export interface Refusal {
  readonly code: status;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
}

const encodeRefusal = ({
  code,
  reason,
  message = "",
  metadata = {},
  violations = [],
}: Refusal): Buffer => {
  const any = (name: string, value: Uint8Array) => ({
    typeUrl: `type.googleapis.com/google.rpc.${name}`,
    value: Buffer.from(value),
  });
  const details = [
    ...(reason === undefined
      ? []
      : [any("ErrorInfo", ErrorInfo.encode(ErrorInfo.fromPartial({ reason, metadata })).finish())]),
    any("LocalizedMessage", LocalizedMessage.encode({ locale: "en", message }).finish()),
    ...(violations.length === 0
      ? []
      : [
          any(
            "BadRequest",
            BadRequest.encode(
              BadRequest.fromPartial({ fieldViolations: [...violations] }),
            ).finish(),
          ),
        ]),
  ];
  return Buffer.from(Status.encode({ code, message, details }).finish());
};

/** Thrown in a handler; the server sends its content. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

export interface Call<Request> {
  readonly request: Request;
  readonly metadata: Metadata;
}

/** A handler that answers or throws `Refused`. */
export const answering =
  <Request, Response>(
    handle: (call: Call<Request>) => Response,
  ): handleUnaryCall<Request, Response> =>
  (call, callback) => {
    try {
      callback(null, handle(call));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const trailers = new Metadata();
      trailers.set("grpc-status-details-bin", encodeRefusal(error.refusal));
      callback({ code: error.refusal.code, details: error.refusal.message ?? "" }, null, trailers);
    }
  };

export interface StubServer {
  readonly target: string;
  readonly health: HealthImplementation;
  close(): void;
}

export interface Handlers {
  readonly auth?: Partial<AuthServiceServer>;
  readonly sessions?: Partial<SessionAdminServer>;
  readonly users?: Partial<UserAdminServer>;
}

/** Starts a server that has these methods; the others are UNIMPLEMENTED. */
export const startStubServer = async (
  { auth, sessions, users }: Handlers,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<StubServer> => {
  const server = new Server();
  const add = (service: ServiceDefinition, methods: UntypedServiceImplementation = {}): void =>
    server.addService(service, methods);
  add(AuthServiceService, auth as UntypedServiceImplementation);
  add(SessionAdminService, sessions as UntypedServiceImplementation);
  add(UserAdminService, users as UntypedServiceImplementation);
  const health = new HealthImplementation({ "": "SERVING", "curfew.v1.AuthService": "SERVING" });
  health.addToServer(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { target: `127.0.0.1:${port}`, health, close: () => server.forceShutdown() };
};
