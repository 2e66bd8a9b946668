import {
  ChannelCredentials,
  Client,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { AuthServiceService } from "../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../generated/curfew/v1/user_admin.js";
import { readErrorDetails } from "../../src/cli/rpc/error_details.js";
import { type Target, TargetFailure } from "./target.js";

/** Longer than any answer of a replica that answers at all. */
const DEADLINE_MS = 3000;

/** A replica behind gRPC, called with a service key that has all scopes. */
export interface GrpcTarget extends Target {
  createUser(username: string, password: string): Promise<string>;
  close(): void;
}

export const grpcTarget = (name: string, address: string, serviceKey: string): GrpcTarget => {
  const client = new Client(address, ChannelCredentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 200,
  });
  const call = <Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
  ): Promise<Response> =>
    new Promise((resolve, reject) => {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${serviceKey}`);
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + DEADLINE_MS },
        (error, response) =>
          response === undefined ? reject(failureOf(error)) : resolve(response),
      );
    });

  return {
    name,
    async login(username, password) {
      const request = { username, password, deviceName: "faults", language: "" };
      const given = await call(AuthServiceService.login, request);
      const evicted = given.endedSessions.map(({ sessionId }) => sessionId);
      return { ...given, sessionId: given.session?.sessionId ?? "", evicted };
    },
    async validate(accessToken, use) {
      const request = { accessToken, audience: "", skipActivity: !use };
      await call(AuthServiceService.validateToken, request);
    },
    async refresh(refreshToken) {
      const given = await call(AuthServiceService.refreshTokens, { refreshToken, language: "" });
      return { ...given, sessionId: given.session?.sessionId ?? "" };
    },
    async logout(accessToken) {
      // Without the service key, which is no token of the session.
      const { revision } = await callAsStranger(client, { accessToken, language: "" });
      return revision;
    },
    revoke: async (sessionId) =>
      (await call(SessionAdminService.revokeSession, { sessionId, note: "" })).revision,
    revokeUser: async (userId) =>
      (
        await call(SessionAdminService.revokeUserSessions, {
          userId,
          exceptSessionId: "",
          note: "",
        })
      ).revision,
    async deactivate(userId) {
      const user = { userId, displayName: "", roles: [], isActive: false };
      await call(UserAdminService.updateUser, {
        user: { ...user, username: "", createdAt: undefined, identities: [] },
        updateMask: ["is_active"],
      });
      return 0n;
    },
    async createUser(username, password) {
      const request = { username, password, displayName: "", roles: [] };
      return (await call(UserAdminService.createUser, request)).user?.userId ?? "";
    },
    close: () => client.close(),
  };
};

const callAsStranger = (
  client: Client,
  request: { accessToken: string; language: string },
): Promise<{ revision: bigint }> =>
  new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = AuthServiceService.logout;
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline: Date.now() + DEADLINE_MS },
      (error, response) => (response === undefined ? reject(failureOf(error)) : resolve(response)),
    );
  });

/** An answer that does not come from Curfew itself comes from the network or from a dead process. */
const failureOf = (error: ServiceError | null): TargetFailure => {
  const { reason, metadata } = readErrorDetails(error?.metadata);
  const lost =
    error?.code === status.UNAVAILABLE ||
    error?.code === status.DEADLINE_EXCEEDED ||
    error?.code === status.CANCELLED ||
    (error?.code === status.INTERNAL && /RST_STREAM|ECONNRESET/.test(error.details));
  return new TargetFailure(reason ?? (lost ? "NO_ANSWER" : `CODE_${error?.code}`), metadata, {
    cause: error,
  });
};
