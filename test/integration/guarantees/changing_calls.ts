import { randomUUID } from "node:crypto";
import type { MethodDefinition } from "@grpc/grpc-js";
import {
  AuthServiceService,
  CreateSessionRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService, SessionFilter } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import type { TestService } from "../../support/service.js";
import { PASSWORD } from "../../support/service.js";

const NEW_PASSWORD = "another quite fine passphrase";

/** One call of an RPC that changes something. */
export interface ChangingCall {
  readonly method: MethodDefinition<never, object>;
  readonly request: object;
  readonly credential?: string | undefined;
}

/** The subject of a call: a user of its own with two sessions. */
interface Subject {
  readonly service: TestService;
  readonly userId: string;
  readonly username: string;
  readonly own: { readonly accessToken: string; readonly refreshToken: string };
  readonly ownId: string;
  readonly otherId: string;
  /** An ID token that was not used yet. */
  readonly subjectToken: string;
}

export const makeSubject = async (
  service: TestService,
  signSubjectToken: () => Promise<string>,
): Promise<Subject> => {
  const { userId, username } = await service.createUser();
  const own = await service.signIn(username);
  const other = await service.signIn(username);
  const identity = { userId, issuer: "https://idp.example", subject: userId };
  await service.call(UserAdminService.linkIdentity, identity, service.adminKey);
  return {
    service,
    userId,
    username,
    own,
    ownId: own.session?.sessionId ?? "",
    otherId: other.session?.sessionId ?? "",
    subjectToken: await signSubjectToken(),
  };
};

interface Case {
  /** The call, made anew for each subject. */
  readonly call: (subject: Subject) => ChangingCall;
  /** What repeating it may answer besides OK, when the first was committed after all. */
  readonly repeated?: string;
}

const as = (method: unknown, request: object, credential?: string): ChangingCall => ({
  method: method as ChangingCall["method"],
  request,
  credential,
});

const user = (userId: string, changed: object) => ({
  userId,
  username: "",
  displayName: "",
  roles: [],
  isActive: true,
  createdAt: undefined,
  identities: [],
  ...changed,
});

/** Every RPC that changes something, by its name. */
export const CHANGING: Readonly<Record<string, Case>> = {
  Login: {
    call: ({ username }) =>
      as(AuthServiceService.login, { username, password: PASSWORD, language: "", deviceName: "" }),
  },
  ExchangeToken: {
    call: ({ subjectToken }) =>
      as(AuthServiceService.exchangeToken, {
        subjectToken,
        subjectTokenType: "",
        clientId: "",
        deviceName: "",
        language: "",
      }),
  },
  CreateSession: {
    call: ({ service, userId }) =>
      as(
        AuthServiceService.createSession,
        CreateSessionRequest.create({
          subject: { $case: "userId", value: userId },
          idempotencyKey: randomUUID(),
        }),
        service.issuerKey,
      ),
  },
  RefreshTokens: {
    call: ({ own: { refreshToken } }) =>
      as(AuthServiceService.refreshTokens, { refreshToken, language: "" }),
  },
  Logout: {
    call: ({ own: { accessToken } }) =>
      as(AuthServiceService.logout, { accessToken, language: "" }),
  },
  ChangePassword: {
    call: ({ own }) =>
      as(
        AuthServiceService.changePassword,
        { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
        own.accessToken,
      ),
    repeated: "INVALID_CREDENTIALS",
  },
  RecordActivity: {
    call: ({ own }) => as(AuthServiceService.recordActivity, { activities: [] }, own.accessToken),
  },
  RevokeMySession: {
    call: ({ own, otherId }) =>
      as(AuthServiceService.revokeMySession, { sessionId: otherId }, own.accessToken),
  },
  RevokeMyOtherSessions: {
    call: ({ own }) => as(AuthServiceService.revokeMyOtherSessions, {}, own.accessToken),
  },
  RevokeSession: {
    call: ({ service, otherId }) =>
      as(SessionAdminService.revokeSession, { sessionId: otherId, note: "" }, service.adminKey),
  },
  RevokeUserSessions: {
    call: ({ service, userId }) =>
      as(
        SessionAdminService.revokeUserSessions,
        { userId, exceptSessionId: "", note: "" },
        service.adminKey,
      ),
  },
  RevokeSessions: {
    call: ({ service, userId }) =>
      as(
        SessionAdminService.revokeSessions,
        {
          filter: SessionFilter.create({ userId }),
          dryRun: false,
          note: "",
          all: false,
          maxSessions: 0,
        },
        service.adminKey,
      ),
  },
  CleanupSessions: {
    call: ({ service }) => as(SessionAdminService.cleanupSessions, {}, service.adminKey),
  },
  CreateUser: {
    call: ({ service }) => {
      const username = `made-${randomUUID()}`;
      const request = { username, password: PASSWORD, displayName: "", roles: [] };
      return as(UserAdminService.createUser, request, service.adminKey);
    },
    repeated: "ALREADY_EXISTS",
  },
  UpdateUser: {
    call: ({ service, userId }) =>
      as(
        UserAdminService.updateUser,
        { user: user(userId, { isActive: false }), updateMask: ["is_active"] },
        service.adminKey,
      ),
  },
  SetPassword: {
    call: ({ service, userId }) =>
      as(UserAdminService.setPassword, { userId, password: NEW_PASSWORD }, service.adminKey),
  },
  LinkIdentity: {
    call: ({ service, userId }) =>
      as(
        UserAdminService.linkIdentity,
        { userId, issuer: "https://idp.example", subject: randomUUID() },
        service.adminKey,
      ),
  },
  UnlinkIdentity: {
    call: ({ service, userId }) =>
      as(
        UserAdminService.unlinkIdentity,
        { userId, issuer: "https://idp.example", subject: userId },
        service.adminKey,
      ),
    repeated: "NOT_FOUND",
  },
  UnlockUser: {
    call: ({ service, userId }) => as(UserAdminService.unlockUser, { userId }, service.adminKey),
  },
  DeleteUser: {
    call: ({ service, userId }) => as(UserAdminService.deleteUser, { userId }, service.adminKey),
  },
};

/** RPCs that only read. An RPC in neither list fails a test. */
export const READING: ReadonlySet<string> = new Set([
  "ValidateToken",
  "ValidateTokens",
  "StreamValidateTokens",
  "ValidateRefreshToken",
  "WatchRevocations",
  "GetProfile",
  "ListMySessions",
  "GetSessionInfo",
  "GetJwks",
  "GetActiveSessions",
  "ListSessions",
  "GetSession",
  "ExplainToken",
  "GetSessionStats",
  "WatchSessionEvents",
  "GetUser",
  "ListUsers",
]);
