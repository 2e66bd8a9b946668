import type { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { actorOf, type SessionCaller } from "../../core/caller/caller.js";
import { fail, invalidField } from "../../core/errors.js";
import type { OpenedSession } from "../../core/login/open_session.js";
import { isLive } from "../../core/session/session.js";
import { skipsActivity } from "../activity_header.js";
import { bearerOf } from "../authenticate.js";
import type { CallContext } from "../call_context.js";
import { clientIdOf, createSessionFromProto } from "../conversion/create_session.js";
import { sessionToProto } from "../conversion/session.js";
import { userToProto } from "../conversion/user.js";
import type { HandlersOf } from "../handlers.js";
import { textOf } from "../messages/catalogue.js";
import { type ServiceDeps, viewOf } from "./service_deps.js";

const TOKEN_TYPE = "bearer";

/** The caller of a SESSION method; authentication has admitted no other caller. */
export const sessionCaller = ({ caller }: CallContext): SessionCaller => {
  if (caller.kind !== "session") throw fail("CREDENTIALS_MISSING");
  return caller;
};

/** AuthService but for validation: signing in and out, and what users do with their own sessions. */
export const authService = (
  deps: ServiceDeps,
): Omit<
  HandlersOf<typeof AuthServiceService>,
  | "validateToken"
  | "validateTokens"
  | "validateRefreshToken"
  | "streamValidateTokens"
  | "watchRevocations"
> => {
  const { core, store, users } = deps;
  const openedToProto = ({ tokens, session, user, evicted }: OpenedSession) => {
    const view = viewOf(deps, session.id);
    return {
      ...tokens,
      tokenType: TOKEN_TYPE,
      session: sessionToProto(session, view),
      user: userToProto(user),
      endedSessions: evicted.map((ended) => sessionToProto(ended, view)),
    };
  };
  return {
    async createSession(request, call) {
      const caller = { by: actorOf(call.caller), ip: call.ip };
      return openedToProto(await core.createSession(createSessionFromProto(request, caller), call));
    },

    async login(request, call) {
      const input = {
        username: request.username,
        password: request.password,
        device: request.deviceName,
        ip: call.ip,
        userAgent: call.userAgent,
        clientId: clientIdOf(request.clientId ?? ""),
        omitRoles: request.omitRoles,
      };
      return openedToProto(await core.login(input, call));
    },

    async exchangeToken(request, call) {
      const input = {
        subjectToken: request.subjectToken,
        subjectTokenType: request.subjectTokenType,
        clientId: request.clientId,
        nonce: request.nonce,
        device: request.deviceName,
        ip: call.ip,
        userAgent: call.userAgent,
        omitRoles: request.omitRoles,
      };
      return openedToProto(await core.exchangeToken(input, call));
    },

    async refreshTokens({ refreshToken, omitRoles }, call) {
      const skipActivity = skipsActivity(call);
      const input = { refreshToken, ip: call.ip, omitRoles, skipActivity };
      const { tokens, session } = await core.refreshTokens(input, call);
      return {
        ...tokens,
        tokenType: TOKEN_TYPE,
        session: sessionToProto(session, viewOf(deps, session.id)),
      };
    },

    async logout({ accessToken, refreshToken }, call) {
      const input = { accessToken, refreshToken, bearer: bearerOf(call) ?? "", ip: call.ip };
      const revision = await core.logout(input, call);
      return { message: textOf(call.language, "LOGOUT_DONE"), revision };
    },

    async recordActivity({ activities }, call) {
      const now = deps.clock.now();
      const given = activities.map(({ sessionId, at }) => ({
        sessionId,
        at: at?.getTime() ?? now,
      }));
      if (call.caller.kind !== "session")
        return { recorded: await core.recordActivity(given, call) };
      const { sessionId } = call.caller;
      const foreign = given.findIndex((activity) => activity.sessionId !== sessionId);
      if (foreign >= 0)
        throw invalidField(`activities[${foreign}].session_id`, "must be the caller's own session");
      const own = given.length > 0 ? given : [{ sessionId, at: now }];
      return { recorded: await core.recordActivity(own, call) };
    },

    async getProfile(_request, call) {
      const { userId } = sessionCaller(call);
      const user = await users.get(userId);
      if (user === undefined) {
        // No call says that sessions have ended before all do (L2).
        await core.end.awaitUserRevoked(userId);
        throw fail("USER_INACTIVE");
      }
      return { user: userToProto(user) };
    },

    async changePassword({ currentPassword, newPassword }, call) {
      const { userId, sessionId } = sessionCaller(call);
      const ip = call.ip;
      const change = { userId, sessionId, currentPassword, newPassword, ip };
      return { revision: await core.changePassword(change, call) };
    },

    async listMySessions({ pageSize, pageToken }, call) {
      const { userId, sessionId } = sessionCaller(call);
      const filter = { userId, state: "ACTIVE" } as const;
      const page = await core.listSessions({ filter, order: "created_desc", pageSize, pageToken });
      const view = viewOf(deps, sessionId);
      const sessions = await core.currentSessions(page.sessions);
      return {
        sessions: sessions.map((session) => sessionToProto(session, view)),
        nextPageToken: page.nextPageToken,
      };
    },

    async revokeMySession({ sessionId }, call) {
      const { userId } = sessionCaller(call);
      const cause = { reason: "USER", by: userId, ip: call.ip } as const;
      return { revision: await core.end.one(sessionId, cause, userId, call) };
    },

    async revokeMyOtherSessions(_request, call) {
      const { userId, sessionId } = sessionCaller(call);
      const cause = { reason: "USER", by: actorOf(call.caller), ip: call.ip } as const;
      const { count, revision } = await core.end.ofUser(userId, sessionId, cause, call);
      return { revokedSessions: count, revision };
    },

    async getSessionInfo(_request, call) {
      const { userId, sessionId, jti } = sessionCaller(call);
      const view = viewOf(deps, sessionId);
      const live = await store.liveOf(userId, view);
      const session = live.find(({ id }) => id === sessionId) ?? (await store.get(sessionId));
      const [recent] = await core.currentSessions(session ? [session] : []);
      return {
        userId,
        jti,
        sessionValid: recent !== undefined && isLive(recent, view.now, view.idleTimeoutMs),
        activeSessions: live.length,
        session: recent && sessionToProto(recent, view),
      };
    },

    getJwks: () => ({ keys: [...deps.jwks()] }),
  };
};
