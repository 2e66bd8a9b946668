import {
  ExplainStep_Outcome,
  ListSessionsRequest_Order,
  type SessionAdminService,
  StoreHealth_State,
} from "../../../generated/curfew/v1/session_admin.js";
import { actorOf } from "../../core/caller/caller.js";
import { fail, invalidField } from "../../core/errors.js";
import { writeCursor } from "../../core/events/event_cursor.js";
import type { EndCause } from "../../core/revocation/revoke_sessions.js";
import type { CallContext } from "../call_context.js";
import { date, reasonToProto, sessionToProto } from "../conversion/session.js";
import { filterFromProto, isEmptyFilter } from "../conversion/session_filter.js";
import type { HandlersOf } from "../handlers.js";
import { type ServiceDeps, viewOf } from "./service_deps.js";

const DEFAULT_WINDOW_MINUTES = 60;

const currentSessionOf = ({ caller }: CallContext): string =>
  caller.kind === "session" ? caller.sessionId : "";

const cause = (call: CallContext, note: string): EndCause => ({
  reason: "ADMIN",
  by: actorOf(call.caller),
  ip: call.ip,
  note,
});

export const sessionAdmin = (
  deps: ServiceDeps,
): Omit<HandlersOf<typeof SessionAdminService>, "watchSessionEvents"> => {
  const { core, store } = deps;
  return {
    async getActiveSessions(request, call) {
      const own = call.caller.kind === "session" ? call.caller.userId : "";
      const userId = request.userId || own;
      if (userId === "")
        throw invalidField("user_id", "must be given by callers without a session");
      const sessions = await core.currentSessions(await store.liveOf(userId, viewOf(deps, "")));
      return {
        userId,
        activeSessions: sessions.length,
        sessions: sessions.map((session) => ({
          jti: session.jti,
          createdAt: date(session.createdAt),
          lastActivity: date(session.lastActivityAt),
          expiresAt: date(session.expiresAt),
          sessionId: session.id,
          device: session.device,
          ip: session.ip,
        })),
      };
    },

    async listSessions(request, call) {
      const { pageSize, pageToken } = request;
      const { sessions, nextPageToken } = await core.listSessions({
        filter: filterFromProto(request.filter),
        order:
          request.order === ListSessionsRequest_Order.CREATED_ASC ? "created_asc" : "created_desc",
        pageSize,
        pageToken,
      });
      const view = viewOf(deps, currentSessionOf(call));
      const recent = await core.currentSessions(sessions);
      return { sessions: recent.map((session) => sessionToProto(session, view)), nextPageToken };
    },

    async getSession({ sessionId }, call) {
      const session = await store.get(sessionId);
      if (session === undefined) throw fail("NOT_FOUND", { metadata: { session_id: sessionId } });
      const [recent = session] = await core.currentSessions([session]);
      return { session: sessionToProto(recent, viewOf(deps, currentSessionOf(call))) };
    },

    async revokeSession({ sessionId, note }, call) {
      return { revision: await core.end.one(sessionId, cause(call, note), undefined, call) };
    },

    async revokeUserSessions({ userId, exceptSessionId, note }, call) {
      const except = exceptSessionId || undefined;
      const { count, revision } = await core.end.ofUser(userId, except, cause(call, note), call);
      return { revokedSessions: count, revision };
    },

    async revokeSessions(request, call) {
      const filter = filterFromProto(request.filter);
      if (isEmptyFilter(filter) && !request.all)
        throw invalidField("filter", "must have a condition, or set `all` to end every session");
      const matchedSessions = await store.countLive(filter, viewOf(deps, ""));
      if (request.dryRun) return { matchedSessions, revokedSessions: 0, revision: 0n, more: false };
      const { count, revision, more } = await core.end.matching(
        filter,
        cause(call, request.note),
        call,
        request.maxSessions || undefined,
      );
      return {
        matchedSessions: Math.max(matchedSessions, count),
        revokedSessions: count,
        revision,
        more,
      };
    },

    async cleanupSessions(_request, call) {
      return { cleanedSessions: await core.cleanup(call) };
    },

    async explainToken({ accessToken }, call) {
      const { verdict, steps, session } = await core.explainToken(accessToken);
      return {
        verdict,
        steps: steps.map((step) => ({ ...step, outcome: ExplainStep_Outcome[step.outcome] })),
        session: session && sessionToProto(session, viewOf(deps, currentSessionOf(call))),
      };
    },

    async getSessionStats(request) {
      const windowMinutes = request.windowMinutes || DEFAULT_WINDOW_MINUTES;
      const stats = await core.sessionStats(windowMinutes * 60_000);
      return {
        liveSessions: BigInt(stats.live),
        idleSessions: BigInt(stats.idle),
        endedSessions: BigInt(stats.ended),
        logins: BigInt(stats.logins),
        failedLogins: BigInt(stats.failedLogins),
        throttledLogins: BigInt(stats.throttledLogins),
        accountLocks: BigInt(stats.accountLocks),
        refreshes: BigInt(stats.refreshes),
        revocations: stats.revocations.map(({ reason, count }) => ({
          reason: reasonToProto(reason),
          count: BigInt(count),
        })),
        unusualPatterns: stats.unusual.map((pattern) => ({
          ...pattern,
          count: BigInt(pattern.count),
        })),
        loginsByClient: stats.loginsByClient.map(({ subject, count }) => ({
          clientId: subject,
          count: BigInt(count),
        })),
        windowMinutes,
        cursor: writeCursor(stats.position),
        stores: deps.stores().map(({ store, isUp }) => ({
          store,
          state: isUp ? StoreHealth_State.UP : StoreHealth_State.DOWN,
        })),
      };
    },
  };
};
